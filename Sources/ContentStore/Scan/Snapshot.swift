internal import Glibc
internal import JobModel
internal import Synchronization

/// Freezes a working directory: scans it, puts what is new into the store, and names the tree.
///
/// The cost of an unchanged directory is its statuses: the stat cache knows the digests of files
/// and directories. What can go wrong is said as a ``ShuntError`` that names the path: a file that
/// cannot be read or keeps changing, a full disk. The working directory itself is never written to.
package enum Snapshot {
    /// Takes a snapshot; blocks.
    ///
    /// - Parameters:
    ///   - root: the working directory.
    ///   - store: where content goes. Without one this is a dry run: everything is hashed, and
    ///     nothing is written anywhere, the stat cache included.
    ///   - cache: the stat caches of this home, or `nil` to read everything.
    /// - Returns: the snapshot. With ``SnapshotOptions/isDurable``, all of it outlives a power cut.
    package static func take(
        root: RawPath, store: ObjectStore?, cache: StatCache?,
        options: SnapshotOptions = SnapshotOptions()
    ) throws -> SnapshotResult {
        let session = try SnapshotSession(root: root, store: store, cache: cache, options: options)
        // git reads the same inodes at the same time, on a core of its own.
        return try session.run(GitAnswer(GitProbe.start(in: session.path)))
    }
}

/// What git says, asked for once, while the walk that it is compared with is still in memory.
private final class GitAnswer {
    private var probe: GitProbe?

    init(_ probe: consuming GitProbe?) { self.probe = probe }

    func finish(isSent: (RawPath) -> Bool) -> GitState? {
        guard let probe = probe.take() else { return nil }
        return probe.finish(isSent: isSent)
    }
}

/// One taking of a snapshot.
private struct SnapshotSession {
    /// The root as the caller named it, for errors.
    let root: RawPath
    /// The root's real path: absolute, without links.
    let path: RawPath
    let store: ObjectStore?
    let cache: StatCache?
    let options: SnapshotOptions

    /// How often the whole is begun again because somebody collected garbage meanwhile.
    private static let attempts = 4

    init(
        root: RawPath, store: ObjectStore?, cache: StatCache?, options: SnapshotOptions
    ) throws {
        self.root = root
        self.store = store
        self.cache = cache
        self.options = options
        path = try Self.realPath(of: Self.open(root), named: root)
    }

    func run(_ git: GitAnswer) throws -> SnapshotResult {
        for _ in 0..<Self.attempts {
            if let result = try attempt(git) { return result }
        }
        throw ShuntError(
            .failed, "the store was being cleaned all the time that `\(root)` was scanned",
            hint: "shunt ps")
    }

    /// - Returns: `nil` if objects may have been deleted meanwhile.
    private func attempt(_ git: GitAnswer) throws -> SnapshotResult? {
        let stamp = try store.flatMap { try StoreStamp.read($0) }
        let image = cache?.load(root: path)
        let trustsStore = try trusts(image, stamp)
        // Where one object was damaged others may be: this is when they are mended, all at once.
        if let store, !trustsStore, store.hadDamage { store.readsBeforeTrusting = true }
        let walk = TreeWalk(
            root: root, options: options, store: store, cache: image, trustsStore: trustsStore)
        try walk.run(Self.open(root))
        var shared = walk.shared.withLock { shared in
            // Taken out of the walk, so that the nodes can be let go from the last to the first.
            defer { shared = TreeWalk.Shared() }
            return shared
        }
        defer { while shared.nodes.popLast() != nil {} }
        var assembly = TreeAssembly(walk, nodes: shared.nodes, targets: shared.targets)
        let (tree, totals) = try assembly.run()
        if options.isDurable { try store?.flush() }
        if let store, try StoreStamp.read(store) != stamp { return nil }
        var result = SnapshotResult(
            tree: tree, totals: totals, findings: shared.findings,
            largeFiles: largeFiles(assembly))
        result.git = git.finish { assembly.holds($0) }
        result.cost.hadCache = image != nil
        result.cacheProblem = save(assembly, over: image, stamp: stamp)
        return result
    }

    /// Whether what the cache calls stored is in the store. The stamp says so; that the root's
    /// objects are there guards against a store that was emptied by hand.
    private func trusts(_ image: StatCacheImage?, _ stamp: Digest?) throws -> Bool {
        guard let store, let image, let stamp, image.storeStamp == stamp else { return false }
        let root = image.directories[0]
        return try store.contains(root.content) && store.contains(root.metadata)
    }

    private func largeFiles(_ assembly: TreeAssembly) -> [LargeFileReference] {
        assembly.referenced.map { node, index in
            let entry = node.entries[index]
            let treePath = node.path(of: entry)
            return LargeFileReference(
                digest: entry.digest, path: path.appending(treePath.bytes), treePath: treePath,
                status: entry.status)
        }
    }

    /// - Returns: why the cache could not be written.
    private func save(
        _ assembly: TreeAssembly, over image: StatCacheImage?, stamp: Digest?
    ) -> ShuntError? {
        guard let cache, store != nil else { return nil }
        let durableStamp = options.isDurable ? stamp : nil
        if let image, !assembly.differsFromCache, image.storeStamp == durableStamp { return nil }
        let builder = assembly.cacheBuilder(storeStamp: durableStamp)
        guard builder.fits else { return nil }
        do {
            try cache.replace(root: path, with: builder)
            return nil
        } catch {
            return error as? ShuntError
                ?? ShuntError(.failed, "\(error)", hint: "df -h \(shellQuoted(path))")
        }
    }

    private static func open(_ root: RawPath) throws -> Descriptor {
        do {
            return try Descriptor.open(root, O_RDONLY | O_DIRECTORY)
        } catch {
            switch error.code {
            case ENOENT:
                throw ShuntError(
                    .notFound, "there is no directory `\(root)`",
                    hint: "ls -la \(shellQuoted(root.parent))")
            case ENOTDIR:
                throw ShuntError(
                    .usage, "`\(root)` is not a directory",
                    hint: "ls -ld \(shellQuoted(root))")
            default: throw WalkError.unreadable(error)
            }
        }
    }

    /// The path under which the kernel knows the directory. Where `/proc` is not there, the path
    /// as it was given.
    private static func realPath(
        of directory: consuming Descriptor, named root: RawPath
    ) throws -> RawPath {
        let link = RawPath("/proc/self/fd/\(directory.number)")
        let target: [UInt8]? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) {
            buffer in
            let count = link.withCString { readlink($0, buffer.baseAddress!, buffer.count) }
            guard count > 0, count < buffer.count else { return nil }
            return buffer[..<count].map { UInt8(bitPattern: $0) }
        }
        return target.map { RawPath($0) } ?? root
    }
}

extension SnapshotResult {
    fileprivate init(
        tree: TreeReference, totals: TreeTotals, findings: WalkFindings,
        largeFiles: [LargeFileReference]
    ) {
        self.tree = tree
        self.totals = totals
        credentials = findings.credentials.sorted { $0.path < $1.path }
        withheld = findings.withheld.sorted()
        specialFiles = findings.specialFiles.sorted { $0.path < $1.path }
        escapingLinks = findings.escapingLinks.sorted { $0.path < $1.path }
        self.largeFiles = largeFiles.sorted { $0.treePath < $1.treePath }
        cost = Cost(filesRead: findings.filesRead, bytesRead: findings.bytesRead)
    }
}
