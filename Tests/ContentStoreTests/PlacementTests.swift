@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

@Suite struct PlacementTests {
    let scratch = Scratch()
    let store: ObjectStore
    /// The person's directory.
    let home: RawPath

    init() throws {
        store = try scratch.store()
        home = scratch.directory("home")
    }

    /// Submits `home` as it is, lets `job` change the task's directory, gives base and outputs.
    private func run(
        _ job: (RawPath) -> Void
    ) throws -> (base: TreeReference, outputs: TreeReference) {
        let base = try snapshot(home, into: store)
        let task = scratch["task\(Int.random(in: 0..<Int.max))"]
        let baseline = try store.checkOut(base, into: task)
        job(task)
        return (base, try store.collectOutputs(of: task, since: baseline).tree)
    }

    private func place(
        _ job: (base: TreeReference, outputs: TreeReference), into target: RawPath? = nil,
        _ patterns: [String]? = nil, known: ObjectStore.KnownDigest? = nil
    ) throws -> PlacementReport {
        try store.place(
            PlacementRequest(
                outputs: job.outputs, base: target == nil ? job.base : nil,
                target: target ?? home, label: "7f3k2a",
                patterns: try patterns.map { try PathPatterns($0) }),
            known: known)
    }

    private func noTemporariesAreLeft() -> Bool {
        var waiting = [scratch.path]
        while let current = waiting.popLast() {
            for name in names(current) {
                let path = current.appending(name)
                if status(path)?.kind == .directory { waiting.append(path) }
                if name.starts(with: Array(".shunt-".utf8)) { return false }
            }
        }
        return true
    }

    @Test func outputsLandWhereTheyWouldBeHadTheJobRunHere() throws {
        write("old", to: home.appending("metrics.json"))
        write("code", to: home.appending("train.py"))
        let time = FileTime(seconds: 1_234_567, nanoseconds: 89)
        let job = try run { task in
            write("new", to: task.appending("metrics.json"))
            write("weights", to: task.appending("runs/1/model.joblib"))
            write("#!", to: task.appending("runs/1/go"), mode: 0o755)
            link(task.appending("runs/latest"), to: "1")
            makeDirectories(task.appending("runs/empty"))
            setModified(task.appending("runs/1/model.joblib"), time)
        }
        let report = try place(job)
        #expect(
            report.placed == ["metrics.json", "runs/1/go", "runs/1/model.joblib", "runs/latest"])
        #expect(report.conflicts == [] && report.unchanged == [] && report.refused == [])
        #expect(report.bytes == ByteCount(12))
        #expect(text(home.appending("metrics.json")) == "new")
        #expect(text(home.appending("train.py")) == "code")
        #expect(linkTarget(home.appending("runs/latest")) == "1")
        #expect(status(home.appending("runs/empty"))?.kind == .directory)
        #expect(status(home.appending("runs/1/go"))?.isExecutable == true)
        #expect(
            status(home.appending("runs/1/model.joblib"))?.modified == time)
        #expect(noTemporariesAreLeft())

        let again = try place(job)
        #expect(again.placed == [] && again.conflicts == [])
        #expect(again.unchanged == report.placed)
    }

    @Test func aFileEditedHereMeanwhileIsNeverOverwritten() throws {
        write("old", to: home.appending("data.tar.gz"))
        let job = try run { write("theirs", to: $0.appending("data.tar.gz")) }
        write("mine", to: home.appending("data.tar.gz"))
        let report = try place(job)
        let beside: RawPath = "data.shunt-7f3k2a.tar.gz"
        #expect(report.conflicts == [PlacementConflict(path: "data.tar.gz", beside: beside)])
        #expect(report.placed == [])
        #expect(text(home.appending("data.tar.gz")) == "mine")
        #expect(text(home.appending(beside.bytes)) == "theirs")

        // Once more: reported again, not written again.
        let before = status(home.appending(beside.bytes))
        #expect(try place(job).conflicts == report.conflicts)
        #expect(status(home.appending(beside.bytes)) == before)
        #expect(names(home).count == 2)
        // The person edits that one too.
        write("mine as well", to: home.appending(beside.bytes))
        #expect(
            try place(job).conflicts
                == [PlacementConflict(path: "data.tar.gz", beside: "data.shunt-7f3k2a-2.tar.gz")])
        #expect(text(home.appending(beside.bytes)) == "mine as well")
    }

    @Test func aFileWithoutCommonBaseIsNeverOverwritten() throws {
        let job = try run { write("theirs", to: $0.appending("model.joblib")) }
        write("mine!!", to: home.appending("model.joblib"))
        #expect(
            try place(job).conflicts == [
                PlacementConflict(path: "model.joblib", beside: "model.shunt-7f3k2a.joblib")
            ])
        #expect(text(home.appending("model.joblib")) == "mine!!")
    }

    @Test func theSameContentIsLeftAlone() throws {
        let job = try run { write("same", to: $0.appending("f")) }
        write("same", to: home.appending("f"))
        let before = status(home.appending("f"))
        let report = try place(job)
        #expect(report.unchanged == ["f"])
        #expect(status(home.appending("f")) == before)
    }

    @Test func whatWasDeletedHereComesBackAndWhatTheJobDeletedStays() throws {
        write("old", to: home.appending("changed"))
        write("kept", to: home.appending("deleted there"))
        let job = try run { task in
            write("new", to: task.appending("changed"))
            _ = task.appending("deleted there").withCString { unlink($0) }
        }
        _ = home.appending("changed").withCString { unlink($0) }
        #expect(try place(job).placed == ["changed"])
        #expect(text(home.appending("deleted there")) == "kept")
    }

    @Test func theExecutableBitAloneIsPlacedToo() throws {
        write("x", to: home.appending("tool"))
        let job = try run { _ = $0.appending("tool").withCString { chmod($0, 0o755) } }
        #expect(try place(job).placed == ["tool"])
        #expect(status(home.appending("tool"))?.isExecutable == true)
    }

    @Test func nothingIsWrittenThroughASymlink() throws {
        let outside = scratch.directory("outside")
        write("precious", to: outside.appending("f"))
        let job = try run { task in
            write("theirs", to: task.appending("dir/f"))
            write("theirs", to: task.appending("dir/sub/g"))
            write("theirs", to: task.appending("file"))
        }
        link(home.appending("dir"), to: "../outside")
        link(home.appending("file"), to: "../outside/f")
        let report = try place(job)
        #expect(
            report.conflicts == [
                PlacementConflict(
                    path: "dir", beside: "dir.shunt-7f3k2a", cause: .noDirectoryHere),
                PlacementConflict(path: "file", beside: "file.shunt-7f3k2a"),
            ])
        #expect(text(outside.appending("f")) == "precious")
        #expect(names(outside) == [Array("f".utf8)])
        #expect(text(home.appending("dir.shunt-7f3k2a/sub/g")) == "theirs")
        #expect(linkTarget(home.appending("file")) == "../outside/f")
        #expect(try place(job).conflicts == report.conflicts)
        #expect(names(home).count == 4)
    }

    @Test func oneFileOfADirectoryThatIsALinkHereLandsBesideToo() throws {
        let job = try run { task in
            write("1", to: task.appending("dir/f"))
            write("2", to: task.appending("dir/g"))
        }
        write("a file", to: home.appending("dir"))
        let report = try place(job, ["dir/g"])
        #expect(
            report.conflicts == [
                PlacementConflict(
                    path: "dir", beside: "dir.shunt-7f3k2a", cause: .noDirectoryHere)
            ])
        #expect(names(home.appending("dir.shunt-7f3k2a")) == [Array("g".utf8)])
    }

    @Test func aDirectoryInTheWayKeepsItsName() throws {
        let job = try run { write("file", to: $0.appending("name")) }
        write("x", to: home.appending("name/inner"))
        #expect(
            try place(job).conflicts
                == [
                    PlacementConflict(
                        path: "name", beside: "name.shunt-7f3k2a", cause: .directoryHere)
                ])
        #expect(text(home.appending("name/inner")) == "x")
    }

    @Test(arguments: [nil, ["f2d"], ["f2d/deep/in"]])
    func aFileThatIsAsItWasGivesWayToADirectory(patterns: [String]?) throws {
        write("as it was", to: home.appending("f2d"))
        link(home.appending("l2d"), to: "elsewhere")
        let job = try run { task in
            for name in ["f2d", "l2d"] {
                _ = task.appending(name).withCString { unlink($0) }
                write("theirs", to: task.appending(name).appending("deep/in"))
            }
        }
        let report = try place(job, patterns)
        #expect(report.conflicts.isEmpty)
        #expect(text(home.appending("f2d/deep/in")) == "theirs")
        #expect(status(home.appending("f2d"))?.kind == .directory)
        #expect(status(home.appending("l2d"))?.kind == (patterns == nil ? .directory : .symlink))
        #expect(noTemporariesAreLeft())
        #expect(try place(job, patterns).conflicts.isEmpty)
    }

    @Test func aFileThatWasEditedGivesWayToNothing() throws {
        write("as it was", to: home.appending("f2d"))
        let job = try run { task in
            _ = task.appending("f2d").withCString { unlink($0) }
            write("theirs", to: task.appending("f2d/in"))
        }
        write("edited here", to: home.appending("f2d"))
        let conflict = PlacementConflict(
            path: "f2d", beside: "f2d.shunt-7f3k2a", cause: .noDirectoryHere)
        #expect(try place(job).conflicts == [conflict])
        #expect(text(home.appending("f2d")) == "edited here")
        #expect(text(home.appending("f2d.shunt-7f3k2a/in")) == "theirs")
    }

    @Test func aLinkThatIsAsItWasIsReplacedByAFile() throws {
        link(home.appending("l"), to: "elsewhere")
        let job = try run { task in
            _ = task.appending("l").withCString { unlink($0) }
            write("file now", to: task.appending("l"))
        }
        #expect(try place(job).placed == ["l"])
        #expect(text(home.appending("l")) == "file now")
    }

    @Test func partsAndOtherDirectories() throws {
        write("old", to: home.appending("f"))
        let job = try run { task in
            write("new", to: task.appending("f"))
            write("1", to: task.appending("runs/1/a"))
            write("2", to: task.appending("runs/2/b"))
        }
        let part = try place(job, ["runs/1", "nothing*"])
        #expect(part.placed == ["runs/1/a"])
        #expect(part.unmatched == ["nothing*"])
        #expect(names(home.appending("runs")) == [Array("1".utf8)])
        #expect(text(home.appending("f")) == "old")

        let other = scratch["other"]
        #expect(try place(job, into: other).placed == ["f", "runs/1/a", "runs/2/b"])
        // Nothing there has a common base, whatever it says.
        write("old", to: other.appending("f"))
        #expect(try place(job, into: other).conflicts.map(\.path) == ["f"])
    }

    @Test func hostileOutputsAreRefused() throws {
        let file = TreeNode.file(try store.insert(Array("evil".utf8)), size: 4, isExecutable: true)
        let hooks = try TreeDirectory(entries: [TreeEntry(name: Array("hook".utf8), node: file)])
        let hooksDigest = try store.insert(hooks)
        let time = FileTime(seconds: 1, nanoseconds: 0)
        let hooksTimes = try store.insert(
            TreeMetadata(modified: time, entries: [.modified(time)]))
        let root = try TreeDirectory(entries: [
            TreeEntry(name: Array(".git".utf8), node: .directory(hooksDigest, hooks.totals)),
            TreeEntry(name: Array("link".utf8), node: .symlink(Array("/etc".utf8))),
            TreeEntry(name: Array("ok".utf8), node: file),
        ])
        let outputs = TreeReference(
            content: try store.insert(root),
            metadata: try store.insert(
                TreeMetadata(
                    modified: time,
                    entries: [.directory(hooksTimes), .modified(time), .modified(time)])))
        let report = try place((outputs, outputs), into: scratch["new"])
        #expect(report.refused == [".git", "link"])
        #expect(report.placed == ["ok"])
        #expect(names(scratch["new"]) == [Array("ok".utf8)])
    }

    @Test func anEditInTheLastMomentIsKept() throws {
        write("old", to: home.appending("f"))
        let job = try run { write("new", to: $0.appending("f")) }
        let path = home.appending("f")
        // The comparison still takes it for the base; then it is edited.
        let base = ContentHasher.digest(of: Array("old".utf8))
        let report = try place(
            job,
            known: { _, status in
                if status.size != 3 { return nil }
                write("edit", to: path)
                return base
            })
        #expect(text(path) == "edit")
        #expect(report.conflicts == [PlacementConflict(path: "f", beside: "f.shunt-7f3k2a")])
        #expect(text(home.appending("f.shunt-7f3k2a")) == "new")
        #expect(noTemporariesAreLeft())
    }

    @Test func leftoversOfAKilledPlacementGo() throws {
        let job = try run { write("new", to: $0.appending("f")) }
        let young = home.appending(".shunt-aaaaaa-12-3.tmp")
        write("half", to: young)
        for name in [".shunt-notes.tmp", ".shunt-a-b-3.tmp", ".shunt-a-1-3.tmp.bak"] {
            write("the person's", to: home.appending(name))
        }
        _ = try place(job)
        // Its change time cannot be set back, so only the young one can be shown to stay.
        #expect(status(young) != nil)
        #expect(names(home).count == 5)
    }

    @Test func oddNamesArePlaced() throws {
        let odd: [[UInt8]] = [
            Array("new\nline".utf8), [0xFF, 0xFE], Array("-rf".utf8),
            [UInt8](repeating: 0xC3, count: 255), Array("..x".utf8),
        ]
        let job = try run { task in
            for name in odd { write("theirs", to: task.appending(name)) }
        }
        for name in odd { write("mine", to: home.appending(name)) }
        let report = try place(job)
        #expect(report.conflicts.count == odd.count)
        for conflict in report.conflicts {
            #expect(conflict.beside.bytes.count <= 255)
            #expect(text(home.appending(conflict.beside.bytes)) == "theirs")
        }
    }

    @Test func moreThanABatchIsPlaced() throws {
        let count = PlacementWriter.batchLength * 2 + 100
        let job = try run { task in
            for index in 0..<count {
                write("\(index)", to: task.appending("d\(index % 7)/\(index)"))
            }
        }
        #expect(try place(job).placed.count == count)
        #expect(try place(job).unchanged.count == count)
        #expect(noTemporariesAreLeft())
    }

    @Test(arguments: [
        ("model.joblib", "model.shunt-J.joblib"), ("data.tar.gz", "data.shunt-J.tar.gz"),
        ("README", "README.shunt-J"), (".env", ".env.shunt-J"), ("a.b.c", "a.b.shunt-J.c"),
        (".tar.gz", ".tar.shunt-J.gz"), ("x.", "x.shunt-J."), ("...", "....shunt-J"),
    ])
    func besideNamesKeepTheirExtension(name: String, expected: String) {
        let beside = besideName(Array(name.utf8), label: "J", attempt: 1)
        #expect(String(decoding: beside, as: UTF8.self) == expected)
        let second = besideName(Array(name.utf8), label: "J", attempt: 2)
        #expect(second != beside)
    }

    @Test func longBesideNamesAreCutBetweenCharacters() {
        let name = Array((String(repeating: "é", count: 124) + ".joblib").utf8)
        let beside = besideName(name, label: "7f3k2a", attempt: 12)
        #expect(beside.count <= 255)
        let text = String(validating: beside, as: UTF8.self)
        #expect(text?.hasSuffix("é.shunt-7f3k2a-12.joblib") == true)
    }
}
