@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

@Suite struct OutputTests {
    let scratch = Scratch()
    let store: ObjectStore
    let task: RawPath

    init() throws {
        store = try scratch.store()
        task = scratch["task"]
    }

    /// Checks out a directory that `prepare` fills.
    private func checkOut(_ prepare: (RawPath) -> Void) throws -> Baseline {
        let source = scratch.directory("source")
        prepare(source)
        return try store.checkOut(snapshot(source, into: store), into: task)
    }

    /// The paths of a tree's files and links, and of directories without any.
    private func paths(_ tree: TreeReference) throws -> [String] {
        var result: [String] = []
        func walk(_ digest: Digest, _ path: RawPath) throws {
            let directory = try store.directory(digest)
            if directory == .empty, !path.isEmpty { result.append("\(path)/") }
            for entry in directory.entries {
                if case .directory(let child, let totals) = entry.node {
                    #expect(try store.directory(child).totals == totals)
                    try walk(child, path.appending(entry.name))
                } else {
                    result.append("\(path.appending(entry.name))")
                }
            }
        }
        try walk(tree.content, .root)
        return result
    }

    @Test func nothingDoneIsNoOutput() throws {
        let baseline = try checkOut { source in
            write("x", to: source.appending("a/b"))
            link(source.appending("out"), to: "/mnt/nfs")
            makeDirectories(source.appending("empty"))
        }
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.totals == .zero)
        #expect(try paths(outputs.tree) == [])
        #expect(outputs.warnings == [])
        #expect(outputs.deleted == DeletedPaths())
    }

    @Test func newAndChangedFilesAreOutputs() throws {
        let baseline = try checkOut { source in
            write("same", to: source.appending("same"))
            write("old", to: source.appending("changed"))
            write("old", to: source.appending("sub/rewritten"))
            write("script", to: source.appending("made executable"))
            write("text", to: source.appending("becomes link"))
            link(source.appending("retargeted"), to: "same")
        }
        write("new", to: task.appending("changed"))
        write("old", to: task.appending("sub/rewritten"))
        write("model", to: task.appending("runs/1/model.pt"))
        makeDirectories(task.appending("runs/2"))
        _ = task.appending("made executable").withCString { chmod($0, 0o755) }
        _ = task.appending("becomes link").withCString { unlink($0) }
        link(task.appending("becomes link"), to: "same")
        _ = task.appending("retargeted").withCString { unlink($0) }
        link(task.appending("retargeted"), to: "changed")
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(
            try paths(outputs.tree) == [
                "becomes link", "changed", "made executable", "retargeted", "runs/1/model.pt",
                "runs/2/",
            ])
        #expect(outputs.files == 5)
        #expect(outputs.bytes == ByteCount(3 + 6 + 5))
        #expect(outputs.deleted.files == 0)
    }

    @Test func aChangeThatKeepsSizeAndTimeIsFound() throws {
        let baseline = try checkOut { source in write("old", to: source.appending("f")) }
        let before = status(task.appending("f"))!.modified
        write("new", to: task.appending("f"))
        setModified(task.appending("f"), before)
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(try paths(outputs.tree) == ["f"])
    }

    /// A job may begin in the same tick of the clock in which its files were made.
    @Test func aChangeRightAfterTheCheckoutIsFound() throws {
        for round in 0..<20 {
            let source = scratch.directory("source\(round)")
            write("old", to: source.appending("f"))
            let target = scratch["task\(round)"]
            let tree = try snapshot(source, into: store)
            let baseline = try store.checkOut(tree, into: target)
            let modified = status(target.appending("f"))!.modified
            write("new", to: target.appending("f"))
            setModified(target.appending("f"), modified)
            let outputs = try store.collectOutputs(of: target, since: baseline)
            #expect(try paths(outputs.tree) == ["f"])
        }
    }

    @Test func whatWasInADirectoryThatIsAFileNowIsReportedAsDeleted() throws {
        let baseline = try checkOut { source in
            write("x", to: source.appending("d2f/in"))
            write("x", to: source.appending("d2f/sub/deep"))
        }
        try removeTree(at: task.appending("d2f"))
        write("a file now", to: task.appending("d2f"))
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.deleted.paths == ["d2f/in", "d2f/sub"])
        #expect(outputs.deleted.files == 2)
    }

    @Test func deletedPathsAreReportedAndNothingElse() throws {
        let baseline = try checkOut { source in
            write("1", to: source.appending("gone"))
            write("2", to: source.appending("dir/a"))
            write("3", to: source.appending("dir/sub/b"))
            write("4", to: source.appending("kept/x"))
        }
        _ = task.appending("gone").withCString { unlink($0) }
        try removeTree(at: task.appending("dir"))
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.deleted.paths == ["dir", "gone"])
        #expect(outputs.deleted.files == 3)
        #expect(outputs.totals == .zero)
    }

    @Test func cachesAndEnvironmentsStayBehind() throws {
        let baseline = try checkOut { source in write("x", to: source.appending("x")) }
        for name in [
            ".git/HEAD", "__pycache__/m.pyc", "a/__pycache__/m.pyc", "node_modules/p/i.js",
            ".venv/bin/python", ".cache/x", "myenv/pyvenv.cfg", "myenv/lib/x.py",
        ] { write("junk", to: task.appending(name)) }
        write("good", to: task.appending("a/result"))
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(try paths(outputs.tree) == ["a/result"])
    }

    @Test func namedOutputsAreThoseAloneAlsoWhereTheyAreAsBefore() throws {
        let baseline = try checkOut { source in
            write("same", to: source.appending("old.pt"))
            write("rewritten", to: source.appending("again.pt"))
            write("not named", to: source.appending("input"))
        }
        write("rewritten", to: task.appending("again.pt"))
        for name in [
            "model.pt", "log.txt", "runs/1/model.pt", "runs/1/deep/x", "runs/2/y", ".cache/wanted",
            ".cache/unwanted", "out dir/z",
        ] { write(name, to: task.appending(name)) }
        let patterns = try PathPatterns([
            "*.pt", "./runs/1/", ".cache/wanted", "absent-*", "out dir", "old.pt",
        ])
        let outputs = try store.collectOutputs(of: task, since: baseline, naming: patterns)
        #expect(
            try paths(outputs.tree) == [
                ".cache/wanted", "again.pt", "model.pt", "old.pt", "out dir/z", "runs/1/deep/x",
                "runs/1/model.pt",
            ])
        #expect(outputs.warnings == [.matchedNothing(pattern: "absent-*")])
    }

    @Test func patternsMatchWholePathsAndWhatIsBeneath() throws {
        let patterns = try PathPatterns(["**/*.ckpt", "data", "[ab]?/x", "lit\\*eral"])
        #expect(patterns.matching("m.ckpt") == [0])
        #expect(patterns.matching("a/b/m.ckpt") == [0])
        #expect(patterns.matching("data/deep/er") == [1])
        #expect(patterns.matching("sub/data") == [])
        #expect(patterns.matching("a1/x/y") == [2])
        #expect(patterns.matching("c1/x") == [])
        #expect(patterns.matching("lit*eral") == [3])
        #expect(patterns.matching("literal") == [])
        #expect(try PathPatterns(["."]).matching("anything/at all") == [0])
        for bad in ["/etc/passwd", "../up", "a/../../b", "", "a[b"] {
            let error = #expect(throws: ShuntError.self) { try PathPatterns([bad]) }
            #expect(error?.code == .usage)
            #expect(error?.hint != nil)
        }
    }

    @Test func escapingLinksAndOddFilesAreLeftOutWithAWarning() throws {
        let baseline = try checkOut { source in write("x", to: source.appending("x")) }
        link(task.appending("absolute"), to: "/etc/passwd")
        link(task.appending("up"), to: "../outside")
        makeDirectories(task.appending("a/b"))
        link(task.appending("a/b/inside"), to: "../../x")
        link(task.appending("a/b/too far"), to: "../../../x")
        link(task.appending("a/b/turns back"), to: "../c/../x")
        _ = task.appending("pipe").withCString { mkfifo($0, 0o600) }
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(try paths(outputs.tree) == ["a/b/inside"])
        #expect(outputs.warningCount == 5)
        #expect(outputs.warnings.contains(.special("pipe")))
        #expect(
            outputs.warnings.contains(
                .escapingLink("a/b/too far", target: Array("../../../x".utf8))))
    }

    @Test func aLinkStaysInsideOnlyWhereThatIsCertain() {
        func inside(_ target: String, _ path: RawPath) -> Bool {
            linkStaysInside(target: Array(target.utf8), linkAt: path)
        }
        #expect(inside("x", "l"))
        #expect(inside("./a/./b", "l"))
        #expect(inside("..", "a/l"))
        #expect(inside("../../x", "a/b/l"))
        #expect(!inside("..", "l"))
        #expect(!inside("/x", "a/l"))
        #expect(!inside("", "l"))
        #expect(!inside("a/../x", "l"))
        #expect(!inside("../../x", "a/l"))
    }

    @Test func oddNamesComeThrough() throws {
        let odd: [[UInt8]] = [
            Array("new\nline".utf8), Array("quote\"'".utf8), [0xFF, 0xFE], Array("-rf".utf8),
            Array("a b".utf8), Array("...".utf8), [0xE2, 0x80, 0xAE],
        ]
        let baseline = try checkOut { source in
            for name in odd { write("old", to: source.appending(name)) }
        }
        for name in odd {
            write("changed", to: task.appending(name))
            write([], to: task.appending(Array("dir".utf8)).appending(name))
        }
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.files == 2 * odd.count)
        let root = try store.directory(outputs.tree.content)
        for name in odd { #expect(root[name] != nil) }
    }

    @Test func aSavedBaselineServesAsWell() throws {
        let baseline = try checkOut { source in
            write("1", to: source.appending("a"))
            write("2", to: source.appending("b/c"))
            link(source.appending("l"), to: "a")
        }
        let file = scratch["task.baseline"]
        try baseline.save(to: file)
        let loaded = try Baseline(loadingFrom: file)
        #expect(loaded.encoded == baseline.encoded)
        #expect(loaded.tree == baseline.tree)
        #expect(loaded.entries(of: "b") == baseline.entries(of: "b"))
        let fromTree = try Baseline(of: baseline.tree, from: store)
        write("new", to: task.appending("b/c"))
        for base in [loaded, fromTree] {
            let outputs = try store.collectOutputs(of: task, since: base)
            #expect(try paths(outputs.tree) == ["b/c"])
        }
        var torn = baseline.encoded
        torn[torn.count / 2] ^= 1
        write(torn, to: file)
        #expect(throws: ShuntError.self) { try Baseline(loadingFrom: file) }
        write(Array(torn.dropLast(20)), to: file)
        #expect(throws: ShuntError.self) { try Baseline(loadingFrom: file) }
    }

    @Test func unchangedFilesAreNotReadAgain() throws {
        let baseline = try checkOut { source in
            write([UInt8](repeating: 1, count: 20 << 20), to: source.appending("large"))
        }
        guard case .file(_, _, _, let proof)? = baseline.entries(of: .root)?.first?.node else {
            Issue.record("no entry")
            return
        }
        #expect(proof != nil)
        #expect(proof == status(task.appending("large")))
    }

    @Test func randomTreesComeBackAsTheyWent() throws {
        var random = SeededGenerator(seed: testSeed("round trip"))
        for round in 0..<25 {
            let source = scratch.directory("r\(round)")
            random.fill(source, depth: 4)
            let tree = try snapshot(source, into: store)
            let target = scratch["t\(round)"]
            let baseline = try store.checkOut(
                tree, into: target, copier: FileCopier(canClone: false, canCopyInKernel: false),
                method: Bool.random(using: &random) ? .stepwise : .openat2)
            #expect(try snapshot(target, into: store) == tree)
            let outputs = try store.collectOutputs(of: target, since: baseline)
            #expect(outputs.totals == .zero)
            #expect(outputs.deleted == DeletedPaths())
            let nothing = try snapshot(scratch.directory("none"), into: store)
            let everything = try Baseline(of: nothing, from: store)
            let all = try store.collectOutputs(of: target, since: everything)
            #expect(all.totals == (try store.directory(tree.content).totals))
            #expect(all.tree.content == tree.content)
        }
    }

    /// In a process of its own, since root reads everything and has to be given up.
    @Test func whatCannotBeReadIsWarnedOfAndTheRestComesThrough() async throws {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { precondition(setgid(65534) == 0 && setuid(65534) == 0) }
            let scratch = Scratch()
            let store = try scratch.store()
            let baseline = try store.checkOut(
                snapshot(scratch.directory("source"), into: store), into: scratch["task"])
            write("secret", to: scratch["task/closed file"], mode: 0)
            write("x", to: scratch["task/closed/x"])
            _ = scratch["task/closed"].withCString { chmod($0, 0) }
            write("x", to: scratch["task/open"])
            let outputs = try store.collectOutputs(of: scratch["task"], since: baseline)
            #expect(outputs.files == 1)
            #expect(
                outputs.warnings == [
                    .unreadable("closed file", reason: "permission denied"),
                    .unreadable("closed", reason: "permission denied"),
                ])
            let error = #expect(throws: ShuntError.self) {
                try store.insert(copyingFileAt: scratch["task/closed file"])
            }
            #expect(error?.message.contains("closed file") == true)
        }
    }

    @Test func warningsAreBoundedAndCounted() throws {
        let baseline = try checkOut { _ in }
        for index in 0..<700 { link(task.appending("\(index)"), to: "/etc") }
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.warningCount == 700)
        #expect(outputs.warnings.count == OutputCollection.warningLimit)
    }

    /// What a job did, done again elsewhere from its outputs and its deletions alone.
    @Test func outputsAndDeletionsTellEverythingThatAJobDid() throws {
        var random = SeededGenerator(seed: testSeed("job"))
        for round in 0..<25 {
            let source = scratch.directory("s\(round)")
            random.fill(source, depth: 3)
            let base = try snapshot(source, into: store)
            let target = scratch["t\(round)"]
            let baseline = try store.checkOut(base, into: target)
            work(in: target, &random, depth: 3)
            let outputs = try store.collectOutputs(of: target, since: baseline)
            #expect(outputs.warnings == [])
            let report = try store.place(
                PlacementRequest(
                    outputs: outputs.tree, base: base, target: source, label: "\(round)"))
            #expect(report.conflicts == [] && report.unchanged == [] && report.refused == [])
            #expect(report.placed.count == outputs.files)
            for path in outputs.deleted.paths {
                let gone = source.appending(path.bytes)
                if status(gone)?.kind == .directory {
                    try removeTree(at: gone)
                } else {
                    _ = gone.withCString { unlink($0) }
                }
            }
            #expect(
                try snapshot(source, into: store).content
                    == snapshot(target, into: store).content)
        }
    }

    /// Edits, adds and deletes at random; never turns a directory into a file or back.
    private func work(in path: RawPath, _ random: inout SeededGenerator, depth: Int) {
        let before = names(path)
        for name in before {
            let child = path.appending(name)
            let kind = status(child)?.kind
            switch (Int.random(in: 0..<6, using: &random), kind) {
            case (0, .directory):
                // Checked at once: a failure here is the test's own.
                precondition((try? removeTree(at: child)) != nil)
            case (1...4, .directory): work(in: child, &random, depth: depth - 1)
            case (0, _): _ = child.withCString { unlink($0) }
            case (1, .file): write(random.bytes(50), to: child)
            case (2, .file): _ = child.withCString { chmod($0, 0o755) }
            case (3, .file):
                _ = child.withCString { unlink($0) }
                link(child, to: "target-new")
            default: continue
            }
        }
        guard depth > 0, Bool.random(using: &random) else { return }
        // A name that was deleted might come back as something of another kind.
        let place = names(path) == before ? path : path.appending("of the job")
        makeDirectories(place)
        random.fill(place, depth: depth - 1)
    }

    @Test func aBaselineOfAnyBytesIsDecodedOrRefused() throws {
        var random = SeededGenerator(seed: testSeed("baseline decoder"))
        let baseline = try checkOut { source in
            write("1", to: source.appending("a"))
            write("2", to: source.appending("b/c"))
            link(source.appending("l"), to: "a")
        }
        var decoded = 0
        for _ in 0..<3000 {
            var bytes = Array(baseline.encoded.dropLast(32))
            for _ in 0..<Int.random(in: 1..<4, using: &random) {
                let offset = Int.random(in: 0..<bytes.count, using: &random)
                bytes[offset] = UInt8(truncatingIfNeeded: random.next())
            }
            // With the right checksum, so that the decoder itself is what has to cope.
            bytes += ContentHasher.digest(of: bytes).bytes
            do {
                let found = try Baseline(decoding: bytes)
                for path in found.directoryPaths { _ = found.entries(of: path) }
                decoded += 1
            } catch is TreeError {
                continue
            }
        }
        #expect(decoded > 100)
    }
}
