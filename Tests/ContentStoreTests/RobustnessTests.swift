@testable internal import ContentStore
internal import CLinux
internal import Glibc
internal import JobModel
internal import Testing

/// Kills, full disks, and sizes that break what was not made for them.
@Suite struct RobustnessTests {
    let scratch = Scratch()

    // MARK: - Kills

    private func files(beneath path: RawPath) -> [RawPath] {
        names(path).flatMap { name -> [RawPath] in
            let child = path.appending(name)
            return status(child)?.kind == .directory ? files(beneath: child) : [child]
        }
    }

    /// Every name under `objects/` has its bytes, and nothing but objects is there.
    private func verify(_ store: RawPath) -> Int {
        let objects = files(beneath: store.appending("objects"))
        for object in objects {
            let name = object.bytes.dropFirst(store.appending("objects").bytes.count + 1)
            let hex = String(decoding: name.filter { $0 != UInt8(ascii: "/") }, as: UTF8.self)
            #expect(ContentHasher.digest(of: read(object) ?? []).hex == hex)
        }
        return objects.count
    }

    /// A flush of a thousand objects makes two syncs: before their names are given, and after.
    @Test(arguments: [(1, 0), (2, 1000)])
    func aKillWithinAFlushShowsWholeObjectsOrNone(killAtSync: Int, visible: Int) async throws {
        let path = "\(scratch["store"])"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, killAtSync = killAtSync as Int] in
            let syncs = Counter()
            let sync = DiskSync(
                file: { DiskSync.kernel.file($0) },
                fileSystem: { descriptor in
                    syncs.increment()
                    if syncs.value == killAtSync { kill(getpid(), SIGKILL) }
                    return DiskSync.kernel.fileSystem(descriptor)
                }, reportsFailedWrites: true)
            let store = try ObjectStore(at: RawPath(path), sync: sync)
            for value in 0..<1000 { try store.insert(Array("object \(value)".utf8)) }
            try store.flush()
        }
        #expect(names(scratch["store"].appending("temporary")).count == 1)
        #expect(verify(scratch["store"]) == visible)
        let store = try scratch.store()
        try store.flush()
        #expect(status(scratch["store"].appending("publish.lock"))?.size == 0)
        #expect(names(scratch["store"].appending("temporary")).isEmpty)
    }

    @Test func aKillWhileAnObjectArrivesLeavesNothingVisible() async throws {
        let path = "\(scratch["store"])"
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let store = try ObjectStore(at: RawPath(path))
            let digest = ContentHasher.digest(of: [UInt8](repeating: 1, count: 1000))
            let writer = try store.writer(for: digest, size: 1000)
            try writer.append([UInt8](repeating: 1, count: 500))
            kill(getpid(), SIGKILL)
        }
        #expect(verify(scratch["store"]) == 0)
    }

    // MARK: - Full disks

    /// A file system of 2 MiB, where this account may mount one.
    private func smallDisk() -> RawPath? {
        let path = scratch.directory("small")
        return path.withCString { mount("tmpfs", $0, "tmpfs", 0, "size=2m") } == 0 ? path : nil
    }

    private func unmount(_ path: RawPath) {
        _ = path.withCString { umount2($0, Int32(MNT_DETACH)) }
    }

    @Test func aFullDiskFailsTheInsertAndLeavesNothing() throws {
        guard let disk = smallDisk() else { return }
        defer { unmount(disk) }
        let store = try ObjectStore(at: disk.appending("store"))
        let small = try store.insert(Array("small".utf8))
        write([UInt8](repeating: 3, count: 9 << 20), to: scratch["large"])
        let large = ContentHasher.digest(of: [UInt8](repeating: 3, count: 9 << 20))
        let error = #expect(throws: ShuntError.self) {
            try store.insert(copyingFileAt: scratch["large"])
        }
        #expect(error?.message.contains("no space left") == true)
        #expect(error?.message.contains("\(disk)") == true)
        #expect(error?.hint?.hasPrefix("df -h /") == true)
        let writer = try store.writer(for: large, size: 9 << 20)
        #expect(throws: ShuntError.self) {
            for _ in 0..<9 { try writer.append([UInt8](repeating: 3, count: 1 << 20)) }
        }
        // What was there before is as good as ever, and there is room again.
        try store.flush()
        try store.insert([UInt8](repeating: 4, count: 1 << 20))
        try store.flush()
        #expect(verify(disk.appending("store")) == 2)
        #expect(try store.contains(small) && !store.contains(large))
    }

    @Test func aFullDiskAtPlacementHalvesNothing() throws {
        guard let disk = smallDisk() else { return }
        defer { unmount(disk) }
        let store = try scratch.store()
        write("base", to: disk.appending("home/a"))
        let base = try snapshot(disk.appending("home"), into: store)
        write([UInt8](repeating: 1, count: 1000), to: scratch["task/a"])
        write([UInt8](repeating: 2, count: 5 << 20), to: scratch["task/d/e/b"])
        let outputs = try snapshot(scratch["task"], into: store)
        let error = #expect(throws: ShuntError.self) {
            try store.place(
                PlacementRequest(
                    outputs: outputs, base: base, target: disk.appending("home"), label: "j"))
        }
        #expect(error?.message.contains("no space left") == true)
        #expect(text(disk.appending("home/a")) == "base")
        #expect(names(disk.appending("home")) == [Array("a".utf8)])
    }

    @Test func aFullDiskAtCheckoutIsSaid() throws {
        guard let disk = smallDisk() else { return }
        defer { unmount(disk) }
        let store = try scratch.store()
        write([UInt8](repeating: 2, count: 5 << 20), to: scratch["source/dir/b"])
        let tree = try snapshot(scratch["source"], into: store)
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: disk.appending("task"))
        }
        #expect(error?.message.contains("small/task") == true)
        try removeTree(at: disk.appending("task"))
        #expect(names(disk).isEmpty)
    }

    // MARK: - Sizes

    /// The first is deeper than any path that the kernel takes at once.
    @Test(arguments: [(RootDirectory.Method.openat2, 3000), (.stepwise, 700)])
    func treesOfThousandsOfLevelsComeThrough(
        method: RootDirectory.Method, levels: Int
    ) throws {
        let store = try scratch.store()
        let time = FileTime(seconds: 1_600_000_000, nanoseconds: 5)
        let file = try store.insert(Array("deep".utf8))
        var directory = try TreeDirectory(entries: [
            TreeEntry(name: Array("leaf".utf8), node: .file(file, size: 4, isExecutable: false))
        ])
        var tree = TreeReference(
            content: try store.insert(directory),
            metadata: try store.insert(TreeMetadata(modified: time, entries: [.modified(time)])))
        for _ in 0..<levels {
            directory = try TreeDirectory(entries: [
                TreeEntry(
                    name: [UInt8(ascii: "d")],
                    node: .directory(tree.content, directory.totals))
            ])
            tree = TreeReference(
                content: try store.insert(directory),
                metadata: try store.insert(
                    TreeMetadata(modified: time, entries: [.directory(tree.metadata)])))
        }
        let task = scratch["task"]
        let baseline = try store.checkOut(tree, into: task, copier: FileCopier(), method: method)
        let outputs = try store.collectOutputs(of: task, since: baseline)
        #expect(outputs.totals == .zero && outputs.warnings == [])
        let nothing = try Baseline(
            of: snapshot(scratch.directory("empty"), into: store), from: store)
        let all = try store.collectOutputs(of: task, since: nothing)
        #expect(all.tree == tree)
        let report = try store.place(
            PlacementRequest(outputs: tree, base: nil, target: scratch["home"], label: "j"))
        #expect(report.placed.count == 1)
        #expect(try store.objects(of: tree).directories.count == levels + 1)
        #expect(try store.largestDirectories(of: tree, top: 3) { _ in true }.count == 1)
        try removeTree(at: task)
        try removeTree(at: scratch["home"])
        #expect(status(task) == nil)
    }

    @Test func pathsBeyondTheLimitAreRefusedAndNotTried() throws {
        let store = try scratch.store()
        let time = FileTime(seconds: 0, nanoseconds: 0)
        var directory = TreeDirectory.empty
        var tree = TreeReference(
            content: try store.insert(directory),
            metadata: try store.insert(TreeMetadata(modified: time, entries: [])))
        for _ in 0..<(RootDirectory.longestPath / 256 + 2) {
            directory = try TreeDirectory(entries: [
                TreeEntry(
                    name: [UInt8](repeating: UInt8(ascii: "d"), count: 255),
                    node: .directory(tree.content, directory.totals))
            ])
            tree = TreeReference(
                content: try store.insert(directory),
                metadata: try store.insert(
                    TreeMetadata(modified: time, entries: [.directory(tree.metadata)])))
        }
        let error = #expect(throws: ShuntError.self) {
            try store.checkOut(tree, into: scratch["task"])
        }
        #expect(error?.code == .refused)
    }

    /// Forty directories that each hold the next one ten times are 10⁴⁰ files.
    @Test func aTreeThatUnfoldsWithoutEndIsRefused() throws {
        let store = try scratch.store()
        let time = FileTime(seconds: 0, nanoseconds: 0)
        let file = try store.insert([1])
        var directory = try TreeDirectory(entries: [
            TreeEntry(name: [65], node: .file(file, size: 1, isExecutable: false))
        ])
        var level = 0
        #expect(throws: TreeError.self) {
            while level < 40 {
                let digest = try store.insert(directory)
                let totals = directory.totals
                directory = try TreeDirectory(
                    entries: (0..<10).map {
                        TreeEntry(name: [65 + $0], node: .directory(digest, totals))
                    })
                level += 1
            }
        }
        #expect(level >= 17)
        #expect(time.seconds == 0)
    }

    @Test func aLargeFlatDirectoryComesThrough() throws {
        let count = 60_000
        let store = try scratch.store()
        let time = FileTime(seconds: 1_600_000_000, nanoseconds: 5)
        let contents = try (0..<50).map { try store.insert(Array("content \($0)".utf8)) }
        let sizes = (0..<50).map { Int64("content \($0)".utf8.count) }
        let entries = (0..<count).map { index in
            TreeEntry(
                name: Array("file number \(index)".utf8),
                node: .file(
                    contents[index % 50], size: sizes[index % 50], isExecutable: index % 3 == 0))
        }
        let directory = try TreeDirectory(entries: entries)
        let tree = TreeReference(
            content: try store.insert(directory),
            metadata: try store.insert(
                TreeMetadata(
                    modified: time, entries: Array(repeating: .modified(time), count: count))))
        #expect(try store.size(of: tree.content)! > 1 << 20)
        let baseline = try store.checkOut(tree, into: scratch["task"])
        try baseline.save(to: scratch["baseline"])
        let outputs = try store.collectOutputs(
            of: scratch["task"], since: Baseline(loadingFrom: scratch["baseline"]))
        #expect(outputs.totals == .zero)
    }
}
