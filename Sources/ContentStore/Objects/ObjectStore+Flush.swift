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
    /// Up to this many files or folders are synced one by one, more by one call for the whole
    /// file system.
    static let singleSyncLimit = 8

    /// Makes durable what was inserted through this instance, and what it found already there.
    /// After it, whoever opens the store has it.
    ///
    /// - Throws: ``ShuntError`` if a sync failed; this instance is of no use from then on.
    package func flush() throws {
        try flushing.withLock { _ in
            try checkPoison()
            let pending = state.withLock { $0.pending.map { ($0.key, $0.value) } }
                .sorted { $0.0 < $1.0 }
            do {
                try pending.isEmpty ? confirmPublished() : publish(pending)
            } catch let error as SystemError {
                throw poisoned(by: error)
            }
            state.withLock { state in
                for (digest, _) in pending { state.pending[digest] = nil }
                // What came in during the flush is counted anew from here.
                state.pendingBytes = 0
            }
        }
    }

    /// Removes what processes that died left in `temporary/`.
    ///
    /// - Parameter hours: how long ago they last wrote there at least.
    /// - Returns: how many sessions were removed.
    @discardableResult
    package func removeLeftovers(olderThanHours hours: Int) throws -> Int {
        try forPeople { try session.removeLeftovers(olderThan: Int64(hours) * 3600) }
    }

    private func publish(_ pending: [(Digest, UInt64)]) throws(SystemError) {
        try syncFiles(pending.map { $0.1 })
        try lockPublishing(LOCK_EX)
        defer { _ = flock(publishLock.number, LOCK_UN) }
        try checked("write", directory) { ftruncate(publishLock.number, 1) }
        for (digest, number) in pending { try rename(number, to: digest) }
        var shards = pending.map { $0.0.bytes[0] }
        shards = shards.enumerated().filter { $0 == 0 || shards[$0 - 1] != $1 }.map { $1 }
        try syncShards(shards)
        try checked("write", directory) { ftruncate(publishLock.number, 0) }
    }

    /// Nothing of ours waits; others may stand between their rename and their sync.
    private func confirmPublished() throws(SystemError) {
        try lockPublishing(LOCK_SH)
        defer { _ = flock(publishLock.number, LOCK_UN) }
        guard try publishLock.status(shownAs: directory).size > 0 else { return }
        try lockPublishing(LOCK_EX)
        guard try publishLock.status(shownAs: directory).size > 0 else { return }
        try require(sync.fileSystem(objects.number))
        try checked("write", directory) { ftruncate(publishLock.number, 0) }
    }

    private func lockPublishing(_ kind: Int32) throws(SystemError) {
        try checked("lock", directory) { flock(publishLock.number, kind) }
    }

    private func rename(_ number: UInt64, to digest: Digest) throws(SystemError) {
        let name = Self.objectName(digest)
        try session.withFolder { folder throws(SystemError) in
            do throws(SystemError) {
                try folder.renameToNew(
                    TemporarySession.fileName(number), objects, name, shownAs: directory)
            } catch {
                guard error.code == EEXIST else { throw error }
                try folder.unlink(TemporarySession.fileName(number), shownAs: directory)
            }
        }
    }

    private func syncFiles(_ numbers: [UInt64]) throws(SystemError) {
        try session.withFolder { folder throws(SystemError) in
            if numbers.count > Self.singleSyncLimit {
                try require(sync.fileSystem(folder.number))
                if sync.reportsFailedWrites { return }
            }
            for number in numbers {
                let file = try folder.open(
                    TemporarySession.fileName(number), O_RDONLY, shownAs: directory)
                try require(sync.file(file.number))
            }
        }
    }

    private func syncShards(_ shards: [UInt8]) throws(SystemError) {
        if shards.count > Self.singleSyncLimit {
            try require(sync.fileSystem(objects.number))
            if sync.reportsFailedWrites { return }
        }
        for shard in shards {
            let folder = try objects.open(
                StoreLayout.shardName(shard), O_RDONLY | O_DIRECTORY, shownAs: directory)
            try require(sync.file(folder.number))
        }
    }

    private func require(_ code: Int32) throws(SystemError) {
        if code != 0 { throw SystemError(operation: "sync", path: directory, code: code) }
    }

    /// A sync or rename failed: what it covered is not to be relied upon, and neither is a retry.
    private func poisoned(by error: SystemError) -> ShuntError {
        let poison = ShuntError(
            .failed,
            "cannot make content durable in `\(directory)`: \(error.reason)",
            hint: "df -h \(shellQuoted(directory))")
        state.withLock { state in
            if state.poison == nil { state.poison = poison }
        }
        return poison
    }
}
