internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// How inserted files become objects, and what a lock has to do with it.
///
/// The bytes are synced first. Then, under an exclusive lock on `publish.lock`, the files are
/// renamed to their names and the folders synced. Between rename and sync others see names that a
/// power cut could still take back; so the lock file is one byte long from before the first rename
/// until after the last sync, and a flush of anybody else waits for the lock and, finding the byte
/// of a process that died, syncs in its stead.
extension ObjectStore {
    /// Makes durable what was inserted through this instance, and what it found already there.
    /// After it, whoever opens the store has it.
    ///
    /// - Throws: ``ShuntError`` if a sync failed; this instance is of no use from then on.
    package func flush() throws {
        try flushing.withLock { _ in
            try checkPoison()
            let pending = state.withLock { $0.pending.map { ($0.key, $0.value) } }
                .sorted { $0.0 < $1.0 }
            try forPeople {
                try pending.isEmpty ? confirmPublished() : publish(pending)
            }
        }
    }

    private func publish(_ pending: [(digest: Digest, number: UInt64)]) throws {
        try syncFiles(pending.map(\.number))
        try lockPublishing(LOCK_EX)
        defer { _ = flock(publishLock.number, LOCK_UN) }
        let isInherited = try publishLock.status(shownAs: directory).size > 0
        try checked("write", directory) { ftruncate(publishLock.number, 1) }
        // If a rename fails, for want of space or permission, those before it are objects already,
        // and the byte has somebody sync their folders; the others wait on.
        var newShards = false
        for (digest, number) in pending {
            if try rename(number, to: digest) { newShards = true }
            state.withLock { $0.pending[digest] = nil }
        }
        state.withLock { $0.pendingBytes = 0 }
        var shards = pending.map { $0.digest.bytes[0] }
        shards = shards.enumerated().filter { $0 == 0 || shards[$0 - 1] != $1 }.map { $1 }
        try syncShards(shards, all: isInherited, newOnes: newShards)
        try checked("write", directory) { ftruncate(publishLock.number, 0) }
    }

    /// Nothing of ours waits; others may stand between their rename and their sync.
    private func confirmPublished() throws {
        try lockPublishing(LOCK_SH)
        defer { _ = flock(publishLock.number, LOCK_UN) }
        guard try publishLock.status(shownAs: directory).size > 0 else { return }
        try lockPublishing(LOCK_EX)
        guard try publishLock.status(shownAs: directory).size > 0 else { return }
        try synced(sync.fileSystem(objects.number))
        try checked("write", directory) { ftruncate(publishLock.number, 0) }
    }

    func lockPublishing(_ kind: Int32) throws(SystemError) {
        try checked("lock", directory) { flock(publishLock.number, kind) }
    }

    /// - Returns: whether the object's shard folder had to be made.
    private func rename(_ number: UInt64, to digest: Digest) throws(SystemError) -> Bool {
        let temporary = TemporarySession.fileName(number)
        let name = Self.objectName(digest)
        return try session.withFolder { folder throws(SystemError) in
            do throws(SystemError) {
                try folder.renameToNew(temporary, objects, name, shownAs: directory)
            } catch {
                switch error.code {
                case EEXIST:
                    try folder.unlink(temporary, shownAs: directory)
                case ENOENT:
                    try makeShard(Array(name.prefix(2)))
                    try folder.renameToNew(temporary, objects, name, shownAs: directory)
                    return true
                default: throw error
                }
            }
            return false
        }
    }

    private func makeShard(_ name: [UInt8]) throws(SystemError) {
        do throws(SystemError) {
            try objects.makeDirectory(name, mode: 0o700, shownAs: directory)
        } catch {
            guard error.code == EEXIST else { throw error }
        }
    }

    private func syncFiles(_ numbers: [UInt64]) throws {
        let code = try session.withFolder { folder throws in
            try sync.each(numbers.count, in: folder) { [session, directory] index in
                try session.open(numbers[index], shownAs: directory)
            }
        }
        try synced(code)
    }

    /// - Parameters:
    ///   - all: whether others may have left shards that nobody has synced.
    ///   - newOnes: whether the folder of the shards itself has changed.
    private func syncShards(_ shards: [UInt8], all: Bool, newOnes: Bool) throws {
        if all { try synced(sync.fileSystem(objects.number)) }
        let folders = shards.map(Self.shardName) + (newOnes ? [[UInt8(ascii: ".")]] : [])
        let code = try sync.each(folders.count, in: objects) { [self] index in
            try objects.open(folders[index], O_RDONLY | O_DIRECTORY, shownAs: directory)
        }
        try synced(code)
    }

    /// The folder of the objects whose digests start with `byte`.
    private static func shardName(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// A failed sync: what it covered is not to be relied upon, and neither is a second try. The
    /// instance is poisoned; what it had not published goes with its session.
    private func synced(_ code: Int32) throws {
        if code == 0 { return }
        let poison = ShuntError(
            .failed,
            "cannot make content durable in `\(directory)`: \(systemReason(code))",
            hint: "df -h \(shellQuoted(directory))")
        state.withLock { state in
            if state.poison == nil { state.poison = poison }
        }
        throw poison
    }
}
