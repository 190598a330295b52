internal import Glibc
package import JobModel
internal import Synchronization

/// What a snapshot is to take and how.
package struct SnapshotOptions: Sendable {
    /// Credential files and directories to send all the same, as paths from the root.
    package var includedCredentials: [RawPath] = []
    /// Regular files that are no part of the tree, under whatever names they stand in it.
    package var withheld: Set<FileIdentity> = []
    /// What is not part of the tree, whatever lies there, as paths from the root.
    package var omitted: [RawPath] = []
    /// Whether everything must be durable in the store before the snapshot is returned.
    package var isDurable = true
    /// Files above this are not copied, only reflinked or referenced.
    package var copyLimit = ByteCount.mebibytes(64)
    /// How often a file that changes while it is read is begun again before giving up.
    package var attempts = 3
    /// How many threads take part.
    package var width: Int
    /// Told how far the scan is, for a line of progress.
    package var progress: SnapshotProgress?
    /// How many directories may be open at once; a quarter of what the process may open.
    var openDirectories: Int

    package init() {
        width = walkWidth()
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        openDirectories = isKnown ? max(16, Int(clamping: limit.rlim_cur) / 4) : 64
    }
}

/// How far a snapshot is: counters that only grow, read from another thread.
package final class SnapshotProgress: Sendable {
    private let seen = Atomic<Int64>(0)
    private let read = Atomic<Int64>(0)

    package init() {}

    /// Files whose status was looked at.
    package var filesSeen: Int64 { seen.load(ordering: .relaxed) }
    /// Bytes of files that had to be read.
    package var bytesRead: ByteCount { ByteCount(read.load(ordering: .relaxed)) }

    func add(filesSeen: Int) { seen.add(Int64(filesSeen), ordering: .relaxed) }
    func add(bytesRead: Int64) { read.add(bytesRead, ordering: .relaxed) }
}
