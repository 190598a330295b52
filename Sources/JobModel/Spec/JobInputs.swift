/// What a job was submitted with: the snapshot, where it came from, and what had to stay behind.
package struct JobInputs: Hashable, Sendable, Codable {
    package var tree: TreeReference
    package var fileCount: Int64
    package var totalSize: ByteCount
    /// The directory that was snapshotted, for people and for `pull`; absolute.
    package var sourceDirectory: String
    package var git: GitState?
    /// Files too large to copy at submit, read from where they are when a worker needs them.
    package var references: [FileReference]
    /// Of the jobs that wrote some of these files; the coordinator finds them out.
    package var labels: [DataLabel]

    package init(
        tree: TreeReference, fileCount: Int64, totalSize: ByteCount, sourceDirectory: String,
        git: GitState? = nil, references: [FileReference] = [],
        labels: [DataLabel] = []
    ) {
        self.tree = tree
        self.fileCount = fileCount
        self.totalSize = totalSize
        self.sourceDirectory = sourceDirectory
        self.git = git
        self.references = references
        self.labels = labels
    }

    enum CodingKeys: String, CodingKey {
        case tree
        case fileCount = "file_count"
        case totalSize = "total_bytes"
        case sourceDirectory = "source_directory"
        case git
        case references
        case labels
    }
}

/// A file that stays where it is until it is sent. If it is edited before that, its digest no
/// longer matches and the job fails with a message that names it.
package struct FileReference: Hashable, Sendable, Codable {
    package var digest: Digest
    package var size: ByteCount
    /// Raw bytes of the absolute path: file names need not be UTF-8.
    package var path: [UInt8]

    package init(digest: Digest, size: ByteCount, path: [UInt8]) {
        self.digest = digest
        self.size = size
        self.path = path
    }
}
