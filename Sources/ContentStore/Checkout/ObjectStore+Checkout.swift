internal import Glibc
package import JobModel
internal import Synchronization

extension ObjectStore {
    /// The most entries that a tree may have when it is checked out, collected or placed.
    package static let treeEntryLimit = 20_000_000

    /// Puts a tree into `target`, which must be an empty directory or not exist (its parent must).
    ///
    /// Every object of the tree must be here. Blocks, on as many threads as there are processors.
    ///
    /// - Returns: what was put there, for ``collectOutputs(of:since:naming:)``.
    /// - Throws: ``ShuntError`` naming the path at fault. What was made until then stays; the
    ///   caller removes it with ``removeTree(at:)``.
    package func checkOut(_ tree: TreeReference, into target: RawPath) throws -> Baseline {
        try checkOut(
            tree, into: target, copier: FileCopier(), method: RootDirectory.supportedMethod())
    }

    func checkOut(
        _ tree: TreeReference, into target: RawPath, copier: FileCopier,
        method: RootDirectory.Method
    ) throws -> Baseline {
        try forPeople {
            let checkout = Checkout(
                store: self, shown: target,
                root: Checkout.Shared(
                    RootDirectory(try Self.emptyDirectory(target), shown: target, method: method)),
                copier: copier, budget: EntryBudget(Self.treeEntryLimit))
            try WorkQueue<Checkout.Work>.run(
                [.directory(.root, content: tree.content, metadata: tree.metadata, nil)],
                width: walkWidth(), context: { CopyBuffer() },
                { work, buffer, queue in try checkout.process(work, buffer, queue) })
            return try checkout.finish(tree)
        }
    }

    private static func emptyDirectory(_ target: RawPath) throws -> Descriptor {
        do throws(SystemError) {
            try target.withCString { text throws(SystemError) in
                _ = try checked("create", target) { mkdir(text, 0o755) }
            }
        } catch {
            guard error.code == EEXIST else { throw error }
        }
        let directory = try Descriptor.open(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard try directory.names(shownAs: target).isEmpty else {
            throw ShuntError(
                .refused, "`\(target)` is not empty", hint: "ls -la \(shellQuoted(target))")
        }
        return directory
    }
}

extension Checkout {
    /// Directories that are complete but for their modification times.
    final class Parts: Sendable {
        private let done = Mutex<[OpenedDirectory]>([])

        func add(_ directory: OpenedDirectory) { done.withLock { $0.append(directory) } }
        var all: [OpenedDirectory] { done.withLock { $0 } }
    }

    /// Above this size a file is not read again merely because it was made a moment ago.
    private static let cheapToReadAgain: Int64 = 8 << 20

    /// Restores the directories' times, last of all since every new entry moved them, and writes
    /// down how everything stands.
    func finish(_ tree: TreeReference) throws -> Baseline {
        let directories = parts.all
        var top: OpenedDirectory?
        for directory in directories {
            if directory.path.isEmpty {
                top = directory
                continue
            }
            let folder = try root.directory.openDirectory(directory.path)
            try folder.setModified(directory.metadata.modified, shownAs: shown)
        }
        // Every checkout has processed its root.
        let now = try clock(after: directories, restoring: top!.metadata.modified)
        return Baseline(
            tree: tree, parts: directories.map { Self.part(of: $0, now: now) })
    }

    /// The time of the file system itself, read off the root after its own time was restored.
    ///
    /// A file changed in the very tick in which it was made would keep its status; files that new
    /// are not proven by it. For large ones, which would be costly to read again, this waits for
    /// the next tick: a few milliseconds at most.
    private func clock(
        after directories: [OpenedDirectory], restoring time: FileTime
    ) throws -> FileTime {
        var latest = FileTime(seconds: .min, nanoseconds: 0)
        for directory in directories {
            for case let status? in directory.statuses.withLock({ $0 })
            where status.size > Self.cheapToReadAgain {
                latest = max(latest, status.changed)
            }
        }
        var now = latest
        for attempt in 0..<40 {
            if attempt > 0 { usleep(500) }
            try root.directory.descriptor.setModified(time, shownAs: shown)
            now = try root.directory.descriptor.status(shownAs: shown).changed
            if now > latest { break }
        }
        return now
    }

    private static func part(of directory: OpenedDirectory, now: FileTime) -> Baseline.Part {
        let statuses = directory.statuses.withLock { $0 }
        let entries = zip(directory.content.entries, statuses).map { entry, status in
            let node: Baseline.Entry.Node =
                switch entry.node {
                case .directory: .directory
                case .symlink(let target): .symlink(target)
                case .file(let digest, let size, let isExecutable):
                    .file(
                        digest, size: size, isExecutable: isExecutable,
                        status: status.flatMap { $0.changed < now ? $0 : nil })
                }
            return Baseline.Entry(name: entry.name, node: node)
        }
        return Baseline.Part(path: directory.path, entries: entries)
    }
}
