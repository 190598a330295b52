internal import Glibc
internal import JobModel
internal import Synchronization

/// Writes outputs into a person's directory, a batch at a time: all bytes into temporary files
/// beside their places, one sync, then the renames. A name therefore has its old bytes or its new
/// ones, after a crash too, and a full disk leaves everything as it was.
///
/// Renames never destroy what was not looked at: a new name is taken only if it is free, and a
/// replaced file is swapped out and looked at once more before it goes.
struct PlacementWriter {
    let store: ObjectStore
    let root: Checkout.Shared
    let copier = FileCopier()
    let label: String
    /// How the target is called in errors.
    let shown: RawPath
    private let serial = TemporaryNames()

    /// Outputs that are written and synced together.
    static let batchLength = 1024
    /// Seconds.
    private static let leftoverAge: Int64 = 3600

    init(store: ObjectStore, root: Checkout.Shared, label: String, shown: RawPath) {
        self.store = store
        self.root = root
        self.label = label
        self.shown = shown
    }

    /// One output on its way. Paths are beneath the target, but for `original`.
    struct Item: Sendable {
        /// Its path in the outputs.
        var original: RawPath
        /// Where it would go.
        var target: RawPath
        /// Where it goes: the same, or a name beside it.
        var path: RawPath
        var node: TreeNode
        /// What the base has at `original`.
        var base: TreeNode?
        var modified: FileTime
        /// The directory above it that went elsewhere.
        var conflict: PlacementConflict?
        /// Why it goes to a name beside its own, where it does.
        var cause = PlacementConflict.Cause.changedHere
        /// What is replaced there, or `nil` for a name that must be free.
        var replaced: FileStat?
    }

    /// What became of an item.
    enum Outcome: Sendable {
        case placed
        /// Somebody was there first; it has to be decided anew.
        case overtaken
    }

    /// Writes a batch. The directories of all items exist.
    func write(_ items: [Item]) throws -> [Outcome] {
        for folder in Set(items.map(\.path.parent)).sorted() { try removeLeftovers(in: folder) }
        var temporaries: [(folder: RawPath, name: [UInt8])] = []
        do {
            let buffer = CopyBuffer()
            for item in items {
                let name = serial.next(label: label)
                temporaries.append((item.path.parent, name))
                try writeTemporary(item, name, buffer)
            }
            try sync(temporaries)
            var outcomes: [Outcome] = []
            for (item, temporary) in zip(items, temporaries) {
                outcomes.append(try rename(temporary.name, to: item))
            }
            try syncFolders(Set(items.map(\.path.parent)).sorted())
            return outcomes
        } catch {
            for (folder, name) in temporaries { discard(name, in: folder) }
            throw error
        }
    }

    private func writeTemporary(_ item: Item, _ name: [UInt8], _ buffer: CopyBuffer) throws {
        let folder = try root.directory.openDirectory(item.path.parent)
        let shown = shown.appending(item.path.bytes)
        switch item.node {
        case .symlink(let target):
            try folder.makeSymlink(name, to: target, shownAs: shown)
            try folder.setModified(of: name, item.modified, shownAs: shown)
        case .file(let digest, let size, let isExecutable):
            // The person's umask applies, as if the job had run here.
            let file = try folder.open(
                name, O_RDWR | O_CREAT | O_EXCL, mode: isExecutable ? 0o777 : 0o666,
                shownAs: shown)
            do {
                try store.fill(
                    file, with: digest, size: size, by: copier, buffer: buffer.bytes, shown: shown)
            } catch let lost as ShuntError where lost.code == .notFound {
                throw ShuntError(
                    lost.code, "`\(item.original)`: \(lost.message)", hint: lost.hint)
            }
            try file.setModified(item.modified, shownAs: shown)
        case .directory:
            preconditionFailure("directories are made, not written")
        }
    }

    private func rename(_ temporary: [UInt8], to item: Item) throws -> Outcome {
        let folder = try root.directory.openDirectory(item.path.parent)
        let name = item.path.lastComponent
        let shown = shown.appending(item.path.bytes)
        if let expected = item.replaced {
            if try folder.replace(name, expecting: expected, by: temporary, shownAs: shown) {
                return .placed
            }
            // It changed since it was looked at, or went away.
            discard(temporary, in: item.path.parent)
            return .overtaken
        }
        do throws(SystemError) {
            try folder.renameToNew(temporary, folder, name, shownAs: shown)
            return .placed
        } catch {
            guard error.code == EEXIST else { throw error }
            discard(temporary, in: item.path.parent)
            return .overtaken
        }
    }

    /// Puts an empty directory in the place of a file or symlink that still has its status.
    ///
    /// - Returns: `false`, with everything as it was, if it has another, or the file system cannot
    ///   exchange the two.
    func replaceWithDirectory(_ path: RawPath, expecting status: FileStat) throws -> Bool {
        let folder = try root.directory.openDirectory(path.parent)
        let shown = shown.appending(path.bytes)
        let name = serial.next(label: label)
        try folder.makeDirectory(name, mode: 0o777, shownAs: shown)
        let isReplaced: Bool
        do throws(SystemError) {
            isReplaced = try folder.replace(
                path.lastComponent, expecting: status, by: name, shownAs: shown)
        } catch {
            guard [ENOTDIR, EISDIR].contains(error.code) else { throw error }
            isReplaced = false
        }
        if !isReplaced { try folder.unlink(name, flags: AT_REMOVEDIR, shownAs: shown) }
        return isReplaced
    }

    private func discard(_ name: [UInt8], in folder: RawPath) {
        do {
            try root.directory.openDirectory(folder).unlink(name, shownAs: shown)
        } catch {
            // Renamed already, or never made; and what cannot be removed is only a hidden file
            // with the job's name in it.
        }
    }

    /// Removes temporary files of a placement that was killed an hour ago or earlier: a running
    /// one, on another machine that shares the directory too, is never that far behind.
    private func removeLeftovers(in folder: RawPath) throws {
        let folder = try root.directory.openDirectory(folder)
        let now = Int64(time(nil))
        for name in try folder.names(shownAs: shown) where TemporaryNames.isOne(name) {
            guard let status = try folder.status(of: name, shownAs: shown),
                status.kind == .file || status.kind == .symlink,
                now - status.changed.seconds > Self.leftoverAge
            else { continue }
            try folder.unlink(name, shownAs: shown)
        }
    }

    private func sync(_ temporaries: [(folder: RawPath, name: [UInt8])]) throws {
        let code = try store.sync.each(temporaries.count, in: root.directory.descriptor) {
            [root, shown] index in
            let (path, name) = temporaries[index]
            let folder = try root.directory.openDirectory(path)
            // A symlink has no bytes to sync but its name, which goes with the folder.
            guard try folder.status(of: name, shownAs: shown)?.kind == .file else { return nil }
            // Read permission may be missing: the umask is the person's.
            return try folder.open(name, O_WRONLY, shownAs: shown)
        }
        try require(code)
    }

    private func syncFolders(_ folders: [RawPath]) throws {
        let code = try store.sync.each(folders.count, in: root.directory.descriptor) {
            [root] index in try root.directory.openDirectory(folders[index])
        }
        try require(code)
    }

    private func require(_ code: Int32) throws(SystemError) {
        if code != 0 { throw SystemError(operation: "sync", path: shown, code: code) }
    }
}

/// Names of temporary files that nobody else takes: hidden, with job, process and number.
private final class TemporaryNames: Sendable {
    private let number = Atomic<Int>(0)

    func next(label: String) -> [UInt8] {
        let number = number.add(1, ordering: .relaxed).newValue
        return Array("\(Self.prefix)\(label)-\(getpid())-\(number)\(Self.suffix)".utf8)
    }

    private static let prefix = ".shunt-"
    private static let suffix = ".tmp"

    static func isOne(_ name: [UInt8]) -> Bool {
        guard name.starts(with: prefix.utf8), name.suffix(4) == Array(suffix.utf8)[...] else {
            return false
        }
        let parts = name.dropLast(4).split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return parts.count == 4 && parts[2...].joined().allSatisfy(digits.contains)
    }
}
