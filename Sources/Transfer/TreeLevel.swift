internal import ContentStore
internal import JobModel

/// A directory with the metadata that belongs to it, read together.
struct TreeLevel {
    var directory: TreeDirectory
    var children: [Child]

    struct Child {
        var tree: TreeReference
        /// What the parent says that lies in it.
        var totals: TreeTotals
    }

    /// - Throws: `TreeError` if the metadata belongs to another directory.
    init(_ directory: TreeDirectory, _ metadata: TreeMetadata) throws {
        guard metadata.fits(directory) else {
            throw TreeError(path: .root, problem: .metadataDisagrees).asShuntError
        }
        self.directory = directory
        children = zip(directory.entries, metadata.entries).compactMap { entry, times in
            guard case .directory(let content, let totals) = entry.node,
                case .directory(let metadata) = times
            else { return nil }
            return Child(
                tree: TreeReference(content: content, metadata: metadata), totals: totals)
        }
    }

    /// Reads both from a store.
    init(_ tree: TreeReference, in store: ObjectStore) throws {
        let directory = try store.directory(tree.content)
        try self.init(directory, store.metadata(tree.metadata, of: directory))
    }

    /// The regular files in it, in its order.
    var files: [TreeObjects.File] {
        directory.entries.compactMap { entry in
            guard case .file(let digest, let size, _) = entry.node else { return nil }
            return TreeObjects.File(digest: digest, size: size)
        }
    }
}
