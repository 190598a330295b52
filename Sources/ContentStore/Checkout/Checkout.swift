internal import Glibc
internal import JobModel
internal import Synchronization

/// Puts a tree into an empty directory: files as clones or copies, never hard links, with mode
/// 0644 or 0755, symlinks as links, directories 0755, and every modification time as it was.
///
/// Paths cannot leave the target: the decoder refuses names that could, and every directory is
/// opened beneath the target without following a link. Files of a tree appear in no order, on
/// several threads; after a failure what was made stays, and the caller removes the directory.
struct Checkout: Sendable {
    let store: ObjectStore
    let shown: RawPath
    let root: Shared
    let copier: FileCopier
    let budget: EntryBudget
    let parts = Parts()

    /// Files of one directory that are made in one go; a directory of more is shared by threads.
    private static let sliceLength = 512

    /// The target, shared by the threads.
    final class Shared: Sendable {
        let directory: RootDirectory
        init(_ directory: consuming RootDirectory) { self.directory = directory }
    }

    enum Work: Sendable {
        case directory(RawPath, content: Digest, metadata: Digest, TreeTotals?)
        case files(OpenedDirectory, Range<Int>)
    }

    func process(_ work: Work, _ buffer: CopyBuffer, _ queue: WorkQueue<Work>) throws {
        switch work {
        case .directory(let path, let content, let metadata, let totals):
            let opened = try open(path, content, metadata, totals)
            let folder = try root.directory.openDirectory(path)
            try folder.setMode(0o755, shownAs: shown(path))
            queue.push(try makeChildren(of: opened, in: folder))
            let slices = stride(from: 0, to: opened.content.entries.count, by: Self.sliceLength)
                .map { $0..<min($0 + Self.sliceLength, opened.content.entries.count) }
            opened.slicesLeft.store(slices.count, ordering: .relaxed)
            if slices.isEmpty { parts.add(opened) }
            queue.push(slices.dropFirst().map { .files(opened, $0) })
            if let first = slices.first { try makeFiles(of: opened, first, in: folder, buffer) }
        case .files(let opened, let slice):
            let folder = try root.directory.openDirectory(opened.path)
            try makeFiles(of: opened, slice, in: folder, buffer)
        }
    }

    /// Reads a directory's two objects and holds them against what its parent says of it.
    private func open(
        _ path: RawPath, _ content: Digest, _ metadata: Digest, _ totals: TreeTotals?
    ) throws -> OpenedDirectory {
        let directory = try store.directory(content, at: path)
        if let totals, totals != directory.totals {
            throw TreeError(path: path, problem: .totalsDisagree).asShuntError
        }
        try budget.take(directory.entries.count)
        return OpenedDirectory(
            path: path, content: directory,
            metadata: try store.metadata(metadata, of: directory, at: path))
    }

    /// Makes the directories and symlinks of a directory.
    ///
    /// - Returns: the directories, as work to do.
    private func makeChildren(
        of opened: OpenedDirectory, in folder: borrowing Descriptor
    ) throws -> [Work] {
        var work: [Work] = []
        for (entry, times) in zip(opened.content.entries, opened.metadata.entries) {
            let path = opened.path.appending(entry.name)
            switch (entry.node, times) {
            case (.directory(let content, let totals), .directory(let metadata)):
                guard path.bytes.count <= RootDirectory.longestPath else {
                    throw ShuntError(
                        .refused, "a path in the tree is longer than 16 KiB: `\(path)`",
                        hint: "find . -type d | awk 'length > 16384'")
                }
                try folder.makeDirectory(entry.name, mode: 0o755, shownAs: shown(path))
                work.append(.directory(path, content: content, metadata: metadata, totals))
            case (.symlink(let target), .modified(let time)):
                try folder.makeSymlink(entry.name, to: target, shownAs: shown(path))
                try folder.setModified(of: entry.name, time, shownAs: shown(path))
            case (.file, _), (.directory, .modified), (.symlink, .directory):
                // Files are made in slices; the other two do not occur: the metadata fits.
                continue
            }
        }
        return work
    }

    private func makeFiles(
        of opened: OpenedDirectory, _ slice: Range<Int>, in folder: borrowing Descriptor,
        _ buffer: CopyBuffer
    ) throws {
        var made: [(Int, FileStat)] = []
        made.reserveCapacity(slice.count)
        for index in slice {
            let entry = opened.content.entries[index]
            guard case .file(let digest, let size, let isExecutable) = entry.node,
                case .modified(let time) = opened.metadata.entries[index]
            else { continue }
            let status = try makeFile(
                entry.name, digest, size, isExecutable ? 0o755 : 0o644, time, in: folder,
                buffer, shown(opened.path.appending(entry.name)))
            made.append((index, status))
        }
        opened.statuses.withLock { statuses in
            for (index, status) in made { statuses[index] = status }
        }
        if opened.slicesLeft.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            parts.add(opened)
        }
    }

    private func makeFile(
        _ name: [UInt8], _ digest: Digest, _ size: Int64, _ mode: UInt32, _ time: FileTime,
        in folder: borrowing Descriptor, _ buffer: CopyBuffer, _ shown: RawPath
    ) throws -> FileStat {
        let file = try folder.open(
            name, O_RDWR | O_CREAT | O_EXCL, mode: mode, shownAs: shown)
        if size > 0 {
            try store.fill(
                file, with: digest, size: size, by: copier, buffer: buffer.bytes, shown: shown)
        } else if try !store.contains(digest) {
            throw store.notHere(digest)
        }
        try file.setModified(time, shownAs: shown)
        let status = try file.status(shownAs: shown)
        if status.mode & 0o7777 == mode { return status }
        // The umask took something away.
        try file.setMode(mode, shownAs: shown)
        return try file.status(shownAs: shown)
    }

    private func shown(_ path: RawPath) -> RawPath {
        path.isEmpty ? shown : shown.appending(path.bytes)
    }
}

/// A directory whose objects were read, while its files are made.
final class OpenedDirectory: Sendable {
    let path: RawPath
    let content: TreeDirectory
    let metadata: TreeMetadata
    let slicesLeft = Atomic<Int>(0)
    let statuses: Mutex<[FileStat?]>

    init(path: RawPath, content: TreeDirectory, metadata: TreeMetadata) {
        self.path = path
        self.content = content
        self.metadata = metadata
        statuses = Mutex(Array(repeating: nil, count: content.entries.count))
    }
}

/// A bound on how many entries a tree may have in all, against trees of few objects that unfold
/// into endless ones.
final class EntryBudget: Sendable {
    private let left: Atomic<Int>
    private let total: Int

    init(_ total: Int) {
        self.total = total
        left = Atomic(total)
    }

    func take(_ count: Int) throws {
        guard left.subtract(count, ordering: .relaxed).newValue >= 0 else {
            throw ShuntError(
                .refused, "the tree has more than \(total) entries",
                hint: "du --inodes -d1 . | sort -n | tail")
        }
    }
}
