package import JobModel

/// An immutable tree of a working directory, and what a plan has to say about it.
package struct SnapshotResult: Sendable {
    /// The tree's name. Its objects are in the store, unless this was a dry run, but for the
    /// content of ``largeFiles``.
    package var tree: TreeReference
    /// Files, directories and bytes of the tree.
    package var totals: TreeTotals
    /// Commit, branch and whether tracked files differ; `nil` outside of a repository.
    package var git: GitState?
    /// Left out because their names say that they hold credentials, in byte order.
    package var credentials: [LeftOutCredential]
    /// Left out as ``SnapshotOptions/withheld``, in byte order.
    package var withheld: [RawPath]
    /// Left out because a tree holds no such thing, in byte order.
    package var specialFiles: [SpecialFile]
    /// Sent as links; their targets must exist where the job runs. In byte order.
    package var escapingLinks: [EscapingLink]
    /// Not copied: their bytes are read when they are sent, and the files must not be edited until
    /// then. In byte order.
    package var largeFiles: [LargeFileReference]
    /// What it cost.
    package var cost: Cost
    /// Why the stat cache could not be written, where it could not: the next scan reads all again.
    package var cacheProblem: ShuntError?

    /// What a snapshot had to read because the stat cache did not know it.
    package struct Cost: Sendable, Hashable {
        /// Files that were read and hashed.
        package var filesRead: Int64 = 0
        package var bytesRead: Int64 = 0
        /// Whether a stat cache was there to begin with.
        package var hadCache = false
    }
}

/// A file or directory that was left out for its name.
package struct LeftOutCredential: Sendable, Hashable {
    package var path: RawPath
    package var isDirectory: Bool
}

/// A fifo, socket or device.
package struct SpecialFile: Sendable, Hashable {
    package var path: RawPath
    package var kind: Kind

    /// What was left out because no tree can hold it.
    package enum Kind: String, Sendable, Hashable {
        case fifo
        case socket
        case device
    }
}

/// A symlink whose target is absolute or climbs out of the tree.
package struct EscapingLink: Sendable, Hashable {
    package var path: RawPath
    package var target: RawPath
}

/// A file that is sent from where it is, if it still is what it was.
package struct LargeFileReference: Sendable, Hashable {
    package var digest: Digest
    /// Absolute, or as the root was given.
    package var path: RawPath
    /// Its path in the tree.
    package var treePath: RawPath
    /// What it was when it was hashed; whoever sends it compares, and hashes what it sends.
    package var status: FileStat
}
