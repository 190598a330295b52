internal import Glibc
internal import JobModel
internal import Synchronization

/// Which objects were read through and found to be what their names say, so that a large one is
/// hashed once in the life of a process and not for every job. An object counts as the one that
/// was read while its status is the same, its change time above all, which no program can set.
///
/// Small objects are not remembered: hashing them costs less than opening them.
final class VerifiedObjects: Sendable {
    private let known = Mutex<[Digest: FileStat]>([:])

    /// Bytes.
    private static let smallest: Int64 = 1 << 20
    /// Beyond it this starts over, at the cost of reading again.
    private static let limit = 16384
    /// Seconds. A file that changed so lately may change again within one tick of the clock.
    private static let settled: Int64 = 2

    func contains(_ digest: Digest, _ status: FileStat) -> Bool {
        if status.size < Self.smallest { return false }
        return known.withLock { $0[digest] == status }
    }

    /// - Parameter status: from before the bytes were read.
    func insert(_ digest: Digest, _ status: FileStat) {
        guard status.size >= Self.smallest,
            Int64(time(nil)) - status.changed.seconds >= Self.settled
        else { return }
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known[digest] = status
        }
    }
}
