package import JobModel

extension ObjectStore {
    /// A tree of several: the first as it is, the others as directories in its root.
    ///
    /// - Parameters:
    ///   - root: `nil` for an empty one.
    ///   - beneath: names and what stands under them. Where the root has such a name already, `.1`,
    ///     `.2` and so on is put behind it.
    /// - Returns: the tree, whose own objects are in the store.
    /// - Throws: ``ShuntError`` with `notFound` where the store lacks the directories at the roots.
    package func composeTree(
        of root: TreeReference?, beneath: [(name: String, tree: TreeReference)]
    ) throws -> TreeReference {
        guard !beneath.isEmpty else {
            if let root { return root }
            return try insertTree([], [], modified: FileTime(seconds: 0, nanoseconds: 0))
        }
        var entries: [(entry: TreeEntry, metadata: TreeMetadata.Entry)] = []
        var modified = FileTime(seconds: 0, nanoseconds: 0)
        if let root {
            let directory = try directory(root.content)
            let metadata = try metadata(root.metadata, of: directory)
            modified = metadata.modified
            entries = zip(directory.entries, metadata.entries).map { ($0, $1) }
        }
        var taken = Set(entries.map(\.entry.name))
        for (name, tree) in beneath {
            let candidates = [name] + (1...1000).map { "\(name).\($0)" }
            guard let free = candidates.first(where: { taken.insert(Array($0.utf8)).inserted })
            else { continue }
            let totals = try directory(tree.content).totals
            entries.append(
                (
                    TreeEntry(name: Array(free.utf8), node: .directory(tree.content, totals)),
                    .directory(tree.metadata)
                ))
        }
        entries.sort { $0.entry.name.lexicographicallyPrecedes($1.entry.name) }
        return try insertTree(
            entries.map(\.entry), entries.map(\.metadata), modified: modified)
    }

    private func insertTree(
        _ entries: [TreeEntry], _ metadata: [TreeMetadata.Entry], modified: FileTime
    ) throws -> TreeReference {
        TreeReference(
            content: try insert(TreeDirectory(entries: entries)),
            metadata: try insert(TreeMetadata(modified: modified, entries: metadata)))
    }
}
