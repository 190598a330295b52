internal import Glibc
internal import JobModel
internal import Synchronization

/// The temporary files of one open ``ObjectStore``: a folder of its own under `temporary/`, with a
/// lock file that is held while the store is open. A folder gets its name only once its lock is
/// held: one whose lock is free was left by a process that died, and goes when the next opens.
final class TemporarySession: Sendable {
    private let parent: Descriptor
    private let shown: RawPath
    private let next = Atomic<UInt64>(1)
    private let state = Mutex<Folder?>(nil)

    /// The folder exists only once something was written, so that a reader makes none.
    private final class Folder: Sendable {
        let name: [UInt8]
        let descriptor: Descriptor
        let lock: Descriptor

        init(name: [UInt8], descriptor: consuming Descriptor, lock: consuming Descriptor) {
            self.name = name
            self.descriptor = descriptor
            self.lock = lock
        }
    }

    private static let lockName = Array("lock".utf8)
    /// Of a folder whose lock is not held yet.
    private static let unreadyPrefix = Array("new-".utf8)

    init(in parent: consuming Descriptor, shown: RawPath) {
        self.parent = parent
        self.shown = shown
    }

    /// Creates a file that nobody else sees.
    func create() throws(SystemError) -> (number: UInt64, descriptor: Int32) {
        let number = next.add(1, ordering: .relaxed).oldValue
        let descriptor = try withFolder { folder throws(SystemError) in
            try folder.open(
                Self.fileName(number), O_RDWR | O_CREAT | O_EXCL, mode: 0o444, shownAs: self.shown
            ).release()
        }
        return (number, descriptor)
    }

    func look<Result>(
        _ number: UInt64,
        _ body: (borrowing Descriptor, [UInt8], RawPath) throws(SystemError) -> Result?
    ) throws(SystemError) -> Result? {
        try withFolder { folder throws(SystemError) in
            try body(folder, Self.fileName(number), self.shown)
        }
    }

    /// Opens a file again.
    func open(_ number: UInt64, shownAs shown: RawPath) throws(SystemError) -> Descriptor {
        try folder().descriptor.open(Self.fileName(number), O_RDONLY, shownAs: shown)
    }

    /// Removes a file that will not become an object.
    func remove(_ number: UInt64) {
        do {
            try withFolder { folder throws(SystemError) in
                try folder.unlink(Self.fileName(number), shownAs: self.shown)
            }
        } catch {
            // Harmless: it has no name anybody looks at, and goes with the session's folder.
        }
    }

    static func fileName(_ number: UInt64) -> [UInt8] { Array(String(number).utf8) }

    /// Calls `body` with the folder, making it first if this is the first use.
    func withFolder<Result>(
        _ body: (borrowing Descriptor) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        try body(folder().descriptor)
    }

    func withFolder<Result>(_ body: (borrowing Descriptor) throws -> Result) throws -> Result {
        try body(folder().descriptor)
    }

    private func folder() throws(SystemError) -> Folder {
        try state.withLock { folder throws(SystemError) -> Folder in
            if let folder { return folder }
            let made = try makeFolder()
            folder = made
            return made
        }
    }

    private func makeFolder() throws(SystemError) -> Folder {
        var attempt: UInt64 = 0
        while true {
            let name = Array("\(getpid())-\(UInt64.random(in: .min ... .max))".utf8)
            let unready = Self.unreadyPrefix + name
            do {
                try parent.makeDirectory(unready, mode: 0o700, shownAs: shown)
            } catch {
                attempt += 1
                guard error.code == EEXIST, attempt < 16 else { throw error }
                continue
            }
            let descriptor = try parent.open(unready, O_RDONLY | O_DIRECTORY, shownAs: shown)
            let lock = try descriptor.open(
                Self.lockName, O_RDWR | O_CREAT | O_EXCL, mode: 0o600, shownAs: shown)
            try checked("lock", shown) { flock(lock.number, LOCK_EX | LOCK_NB) }
            try parent.rename(unready, parent, name, shownAs: shown)
            return Folder(name: name, descriptor: descriptor, lock: lock)
        }
    }

    /// Removes the folder with what is left in it. Called once, when the store goes away.
    func discard() {
        state.withLock { folder in
            guard let name = folder?.name else { return }
            do {
                try Self.removeFolder(name, in: parent, shown: shown)
            } catch {
                // Harmless: the lock is free from now on, and a later cleaning takes it.
            }
            folder = nil
        }
    }

    /// Removes the folders of sessions that ended without doing it themselves.
    ///
    /// - Returns: how many folders went.
    @discardableResult
    func removeLeftovers() throws(SystemError) -> Int {
        var removed = 0
        for name in try parent.names(shownAs: shown) {
            guard let status = try parent.status(of: name, shownAs: shown),
                status.kind == .directory, try Self.isLeftover(name, status, in: parent, shown)
            else { continue }
            do throws(SystemError) {
                try Self.removeFolder(name, in: parent, shown: shown)
                removed += 1
            } catch {
                // Another process does the same just now.
                guard error.code == ENOENT || error.code == ENOTEMPTY else { throw error }
            }
        }
        return removed
    }

    /// Seconds after which a folder that nobody has locked is taken for one whose maker died before
    /// it came to that.
    private static let makingTime: Int64 = 3600

    private static func isLeftover(
        _ name: [UInt8], _ status: FileStat, in parent: borrowing Descriptor, _ shown: RawPath
    ) throws(SystemError) -> Bool {
        let isOld = Int64(time(nil)) - status.modified.seconds >= makingTime
        do throws(SystemError) {
            let lock = try parent.open(
                name + [UInt8(ascii: "/")] + lockName, O_RDWR, shownAs: shown)
            let isFree = flock(lock.number, LOCK_EX | LOCK_NB) == 0
            return isFree && (isOld || !name.starts(with: unreadyPrefix))
        } catch {
            guard error.code == ENOENT else { throw error }
            return isOld
        }
    }

    private static func removeFolder(
        _ name: [UInt8], in parent: borrowing Descriptor, shown: RawPath
    ) throws(SystemError) {
        let folder = try parent.open(name, O_RDONLY | O_DIRECTORY, shownAs: shown)
        // The lock goes last: while it is there, nobody takes the folder for one without.
        for file in try folder.names(shownAs: shown) where file != lockName {
            try folder.unlink(file, shownAs: shown)
        }
        do throws(SystemError) {
            try folder.unlink(lockName, shownAs: shown)
        } catch {
            guard error.code == ENOENT else { throw error }
        }
        try parent.unlink(name, flags: AT_REMOVEDIR, shownAs: shown)
    }
}
