package import JobModel

extension ObjectStore {
    /// The largest directory or metadata object that is read into memory: about a million entries
    /// of usual names.
    package static let treeObjectLimit = 256 << 20

    /// Adds a directory object.
    @discardableResult
    package func insert(_ directory: TreeDirectory) throws -> Digest {
        try insert(directory.encoded())
    }

    /// Adds a metadata object.
    @discardableResult
    package func insert(_ metadata: TreeMetadata) throws -> Digest {
        try insert(metadata.encoded())
    }

    /// Reads a directory object.
    ///
    /// - Parameter path: where it stands in its tree, for errors.
    package func directory(_ digest: Digest, at path: RawPath = .root) throws -> TreeDirectory {
        let bytes = try readBytes(of: digest, limit: Self.treeObjectLimit)
        do {
            return try TreeDirectory(decoding: bytes, path: path)
        } catch let error as TreeError {
            throw error.asShuntError
        }
    }

    /// Reads the metadata object of `directory`.
    package func metadata(
        _ digest: Digest, of directory: TreeDirectory, at path: RawPath = .root
    ) throws -> TreeMetadata {
        let bytes = try readBytes(of: digest, limit: Self.treeObjectLimit)
        do {
            let metadata = try TreeMetadata(decoding: bytes, path: path)
            guard metadata.fits(directory) else {
                throw TreeError(path: path, problem: .metadataDisagrees)
            }
            return metadata
        } catch let error as TreeError {
            throw error.asShuntError
        }
    }
}
