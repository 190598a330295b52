package import JobModel

/// A Containerfile and the directory that it is built in: the one that holds it.
package struct BuildContext: Hashable, Sendable {
    /// Relative to the snapshot's root; empty is the root.
    package var directory: String
    /// The name of the Containerfile in it.
    package var file: String
    /// Of the directory's whole content.
    package var digest: Digest

    private static let names = ["Containerfile", "Dockerfile"]

    /// Finds them in the job's tree.
    ///
    /// - Throws: ``ShuntError`` where there is no Containerfile at that path.
    package init(at path: String, in tree: TreeReference, _ store: ObjectStore) throws {
        if let digest = try TreeLookup.directory(path, in: tree, store) {
            directory = path
            self.digest = digest
            let listing = try store.directory(digest)
            guard let name = Self.names.first(where: { listing[Array($0.utf8)] != nil }) else {
                throw Self.missing(path)
            }
            file = name
            return
        }
        let parts = path.split(separator: "/")
        directory = parts.dropLast().joined(separator: "/")
        file = String(parts.last ?? "")
        guard case .file? = try TreeLookup.node(path, in: tree, store),
            let digest = try TreeLookup.directory(directory, in: tree, store)
        else { throw Self.missing(path) }
        self.digest = digest
    }

    private static func missing(_ path: String) -> ShuntError {
        ShuntError(
            .usage,
            "there is no Containerfile at `./\(path)` in the snapshot of the job's directory",
            hint: "ls -l ./\(path)")
    }
}
