@testable internal import ContentStore
internal import Glibc
internal import JobModel
internal import Testing

@Suite struct TreeToolsTests {
    let scratch = Scratch()

    @Test func largestDirectoriesNameWhatAPersonWouldLeaveOut() throws {
        let store = try scratch.store()
        let source = scratch.directory("source")
        func fill(_ name: String, _ size: Int) {
            write(
                [UInt8](repeating: UInt8(names(source).count), count: size) + Array(name.utf8),
                to: source.appending(name))
        }
        fill("data/raw/images/a", 9000)
        fill("data/labels", 200)
        fill("models/one/w", 3000)
        fill("models/two/w", 3000)
        fill("small", 50)
        fill("sent/already", 50_000)
        let tree = try snapshot(source, into: store)
        let known = try store.insert(copyingFileAt: source.appending("sent/already")).digest
        let largest = try store.largestDirectories(of: tree, top: 2) { $0 != known }
        #expect(largest.map(\.path) == ["data/raw/images", "models"])
        #expect(largest[1].files == 2)
        let all = try store.largestDirectories(of: tree, top: 99) { $0 != known }
        #expect(all.map(\.path) == ["data/raw/images", "models", .root])
        #expect(try store.largestDirectories(of: tree, top: 9) { _ in false }.isEmpty)
    }

    /// A build that cannot see a file is the same build whatever the file says.
    @Test(arguments: [
        ("", true), ("*.json\nruns\n# a comment\n", false), ("/result.json\r\nruns/\n", false),
        ("**\n", false), ("*\n!result.json\n", true), ("res[u]lt.json\nruns\n", true),
        ("result.json\n", true), ("*/log\n", true), (".\n./\n", true), ("result(1).json\n", true),
        ("*\n.dockerignore\n", false),
    ])
    func whatABuildDoesNotSeeIsNoPartOfIt(_ ignored: String, _ isAnother: Bool) throws {
        let store = try scratch.store()
        let source = scratch.directory("source")
        write("FROM base\n", to: source.appending("image/Containerfile"))
        write("code", to: source.appending("image/src/code.py"))
        write(ignored, to: source.appending("image/.dockerignore"))
        let podmans = [".containerignore", ".dockerignore"]
        func context(_ engineReads: [String]? = nil) throws -> Digest {
            let tree = try snapshot(source, into: store)
            return try BuildContext(
                at: "image", in: tree, ignoreFiles: engineReads ?? podmans, store
            ).digest
        }
        let before = try context()
        let whole = try context([])
        write("1", to: source.appending("image/result.json"))
        write("1", to: source.appending("image/runs/deep/log"))
        #expect((try context() != before) == isAnother)
        #expect(try context([]) != whole)
        let written = try context()
        // What it is built from is always a part of it.
        write("FROM other\n", to: source.appending("image/Containerfile"))
        #expect(try context() != written)
        // What is left out decides on the build too, even where it names itself.
        let same = try context()
        write(ignored + "*.py[cod]\n", to: source.appending("image/.dockerignore"))
        #expect(try context() != same)
        write(ignored, to: source.appending("image/.dockerignore"))
        // An ignore file of one Containerfile's own is read in no engine's place.
        let own = try context()
        write("result.json\n", to: source.appending("image/Containerfile.dockerignore"))
        #expect(try context() != own)
        write("2", to: source.appending("image/result.json"))
        let last = try context()
        write("3", to: source.appending("image/result.json"))
        #expect(try context() != last)
    }

    @Test func objectsOfATreeAreListedOnce() throws {
        let store = try scratch.store()
        let source = scratch.directory("source")
        for name in ["a/x", "b/x", "c/deep/y"] { write("same", to: source.appending(name)) }
        write("other", to: source.appending("z"))
        let tree = try snapshot(source, into: store)
        let objects = try store.objects(of: tree)
        #expect(objects.directories.first == tree.content)
        #expect(objects.metadata.first == tree.metadata)
        #expect(objects.files.map(\.size).sorted() == [4, 5])
        #expect(objects.bytes == 9)
        #expect(Set(objects.directories).count == objects.directories.count)
        #expect(try store.missing(of: objects.directories + objects.metadata).isEmpty)
    }

    @Test func aTreeWhoseTotalsLieIsRefused() throws {
        let store = try scratch.store()
        let time = FileTime(seconds: 0, nanoseconds: 0)
        let child = try store.insert(TreeDirectory.empty)
        let childTimes = try store.insert(TreeMetadata(modified: time, entries: []))
        let root = try TreeDirectory(entries: [
            TreeEntry(
                name: [65],
                node: .directory(child, TreeTotals(files: 1, directories: 0, bytes: 0)))
        ])
        let tree = TreeReference(
            content: try store.insert(root),
            metadata: try store.insert(
                TreeMetadata(modified: time, entries: [.directory(childTimes)])))
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["target"])
        }
        #expect(error?.message.contains("`A`") == true)
    }

    @Test func metadataOfAnotherDirectoryIsRefused() throws {
        let store = try scratch.store()
        write("x", to: scratch["source/x"])
        var tree = try snapshot(scratch["source"], into: store)
        tree.metadata = try store.insert(
            TreeMetadata(modified: FileTime(seconds: 0, nanoseconds: 0), entries: []))
        #expect(throws: ShuntError.self) { try store.checkOut(tree, into: scratch["target"]) }
    }

    @Test func pathsAreShownOnOneLineAndHarmless() {
        #expect("\(RawPath("plain/ünïcode"))" == "plain/ünïcode")
        #expect("\(RawPath([0x61, 0xFF, 0x0A, 0x1B]))" == "a\\xff\\n\\x1b")
        #expect("\(RawPath("back\\slash`tick"))" == "back\\\\slash\\x60tick")
        #expect("\(RawPath([0xE2, 0x80, 0xAE]))" == "\\xe2\\x80\\xae")
        #expect("\(RawPath.root)" == ".")
    }

    @Test func pathsKnowTheirParts() {
        #expect(RawPath("a/b/c").parent == "a/b")
        #expect(RawPath("a").parent == .root)
        #expect(RawPath("/a").parent == "/")
        #expect(RawPath("a/b").lastComponent == Array("b".utf8))
        #expect(RawPath("a/b").isInside("a") && RawPath("a").isInside("a"))
        #expect(!RawPath("ab").isInside("a") && RawPath("ab").isInside(.root))
    }

    @Test(arguments: [RootDirectory.Method.openat2, .stepwise])
    func directoriesAreOpenedBeneathTheRootOnly(method: RootDirectory.Method) throws {
        let top = scratch.directory("top")
        makeDirectories(top.appending("a/b"))
        makeDirectories(scratch["outside/b"])
        link(top.appending("link"), to: "../outside")
        link(top.appending("inner"), to: "a")
        write("", to: top.appending("file"))
        let root = RootDirectory(
            try Descriptor.directory(top), shown: top, method: method)
        _ = try root.openDirectory("a/b")
        _ = try root.openDirectory(.root)
        for bad: RawPath in ["link", "link/b", "inner/b", "file", "file/x", "absent"] {
            #expect(throws: SystemError.self) { _ = try root.openDirectory(bad) }
        }
    }

    @Test func removalFollowsNoLinkAndOpensClosedDirectories() throws {
        let top = scratch.directory("top")
        write("precious", to: scratch["outside/f"])
        link(top.appending("link"), to: "../outside")
        write("x", to: top.appending("closed/deep/x"))
        _ = top.appending("closed/deep").withCString { chmod($0, 0) }
        _ = top.appending("closed").withCString { chmod($0, 0o500) }
        try removeTree(at: top)
        #expect(status(top) == nil)
        #expect(text(scratch["outside/f"]) == "precious")
        try removeTree(at: top)
    }
}
