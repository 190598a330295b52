/// What a job found of a dataset when it was placed: enough to see later whether two jobs had the
/// same data, without reading any of it.
package struct DataReport: Hashable, Sendable, Codable {
    package var target: String
    package var dataset: DatasetName
    package var source: String
    package var method: Method
    /// `nil` where it could not be taken.
    package var fingerprint: DataFingerprint?

    package init(
        target: String, dataset: DatasetName, source: String, method: Method,
        fingerprint: DataFingerprint?
    ) {
        self.target = target
        self.dataset = dataset
        self.source = source
        self.method = method
        self.fingerprint = fingerprint
    }

    /// How the data comes under the working directory.
    package enum Method: String, Sendable, Codable, CaseIterable {
        /// A read-only mount that the job alone sees.
        case mount
        /// A symbolic link, where the account may not mount: nothing but the data's own permissions
        /// keeps the job from writing.
        case link
    }
}

/// A digest over the names, sizes and times of change of a dataset's files; their content is not
/// read. Equal fingerprints mean that nobody touched it, as far as its file system tells.
package struct DataFingerprint: Hashable, Sendable, Codable {
    /// Over what was looked at; see `Sources/ContentStore/Fingerprint` for the form.
    package var digest: Digest
    package var files: Int64
    package var size: ByteCount
    /// Whether all of it was looked at: a dataset of very many files is not walked to its end.
    package var isComplete: Bool

    package init(digest: Digest, files: Int64, size: ByteCount, isComplete: Bool) {
        self.digest = digest
        self.files = files
        self.size = size
        self.isComplete = isComplete
    }

    enum CodingKeys: String, CodingKey {
        case digest
        case files
        case size = "size_bytes"
        case isComplete = "complete"
    }
}
