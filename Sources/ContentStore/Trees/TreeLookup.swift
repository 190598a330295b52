package import JobModel

/// Finds what a path stands for in a tree of the store.
package enum TreeLookup {
    /// - Returns: `nil` where the tree has no such path, and for the root itself.
    package static func node(
        _ path: String, in tree: TreeReference, _ store: ObjectStore
    ) throws -> TreeNode? {
        var directory = try store.directory(tree.content)
        var names = RawPath(path).components[...]
        while let name = names.popFirst() {
            guard let entry = directory[Array(name)] else { return nil }
            if names.isEmpty { return entry.node }
            guard case .directory(let digest, _) = entry.node else { return nil }
            directory = try store.directory(digest)
        }
        return nil
    }

    /// The content of a directory; of the root for an empty path.
    ///
    /// - Returns: `nil` where the tree has no such directory.
    package static func directory(
        _ path: String, in tree: TreeReference, _ store: ObjectStore
    ) throws -> Digest? {
        if path.isEmpty { return tree.content }
        guard case .directory(let digest, _)? = try node(path, in: tree, store) else { return nil }
        return digest
    }
}
