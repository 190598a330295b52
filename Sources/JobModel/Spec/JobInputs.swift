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
    /// What files bring along from the jobs that wrote them, one file for each label; the
    /// coordinator finds them out.
    package var labelledFiles: [LabelledFile]

    package init(
        tree: TreeReference, fileCount: Int64, totalSize: ByteCount, sourceDirectory: String,
        git: GitState? = nil, references: [FileReference] = [],
        labelledFiles: [LabelledFile] = []
    ) {
        self.tree = tree
        self.fileCount = fileCount
        self.totalSize = totalSize
        self.sourceDirectory = sourceDirectory
        self.git = git
        self.references = references
        self.labelledFiles = labelledFiles
    }

    enum CodingKeys: String, CodingKey {
        case tree
        case fileCount = "file_count"
        case totalSize = "total_bytes"
        case sourceDirectory = "source_directory"
        case git
        case references
        case labelledFiles = "labelled_files"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        tree = try container.decode(TreeReference.self, forKey: .tree)
        fileCount = try container.decode(Int64.self, forKey: .fileCount)
        totalSize = try container.decode(ByteCount.self, forKey: .totalSize)
        sourceDirectory = try container.decode(String.self, forKey: .sourceDirectory)
        git = try container.decodeIfPresent(GitState.self, forKey: .git)
        references = try container.decode([FileReference].self, forKey: .references)
        // Rows of earlier releases have none; their jobs keep the labels themselves.
        labelledFiles =
            try container.decodeIfPresent([LabelledFile].self, forKey: .labelledFiles) ?? []
    }
}

/// A file whose label comes from the job that wrote it.
package struct LabelledFile: Hashable, Sendable, Codable {
    package var label: DataLabel
    /// As people read it: relative to the tree that it was found in.
    package var path: String

    package init(label: DataLabel, path: String) {
        self.label = label
        self.path = path
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
