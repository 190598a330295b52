internal import ContentStore
internal import JobModel

/// A small tree that is put together in memory, out of bytes and of trees that are in the store.
/// Its times are all the same: only its content names it.
struct RecipeTree {
    private var nodes: [String: Node] = [:]

    private enum Node {
        case bytes([UInt8])
        case stored(Digest, size: Int64)
        case tree(TreeReference, TreeTotals)
        case directory(RecipeTree)
    }

    mutating func add(_ name: String, _ bytes: [UInt8]) { nodes[name] = .bytes(bytes) }

    mutating func add(_ name: String, _ digest: Digest, size: Int64) {
        nodes[name] = .stored(digest, size: size)
    }

    mutating func add(_ name: String, _ tree: TreeReference, _ totals: TreeTotals) {
        nodes[name] = .tree(tree, totals)
    }

    mutating func add(_ name: String, _ directory: RecipeTree) {
        nodes[name] = .directory(directory)
    }

    var isEmpty: Bool { nodes.isEmpty }

    /// - Parameter store: gets what is not in it yet; `nil` only to learn the name.
    func insert(into store: ObjectStore?) throws -> TreeReference {
        try insertAll(into: store).tree
    }

    private func insertAll(
        into store: ObjectStore?
    ) throws -> (tree: TreeReference, totals: TreeTotals) {
        let time = FileTime(seconds: 0, nanoseconds: 0)
        var entries: [TreeEntry] = []
        var metadata: [[UInt8]: TreeMetadata.Entry] = [:]
        for (text, node) in nodes {
            let name = Array(text.utf8)
            metadata[name] = .modified(time)
            switch node {
            case .bytes(let bytes):
                let digest = try Self.insert(bytes, into: store)
                let file = TreeNode.file(digest, size: Int64(bytes.count), isExecutable: false)
                entries.append(TreeEntry(name: name, node: file))
            case .stored(let digest, let size):
                let file = TreeNode.file(digest, size: size, isExecutable: false)
                entries.append(TreeEntry(name: name, node: file))
            case .tree(let tree, let totals):
                entries.append(TreeEntry(name: name, node: .directory(tree.content, totals)))
                metadata[name] = .directory(tree.metadata)
            case .directory(let below):
                let (tree, totals) = try below.insertAll(into: store)
                entries.append(TreeEntry(name: name, node: .directory(tree.content, totals)))
                metadata[name] = .directory(tree.metadata)
            }
        }
        let directory = try TreeDirectory(entries: entries)
        let times = TreeMetadata(
            modified: time,
            entries: directory.entries.map { metadata[$0.name] ?? .modified(time) })
        return (
            TreeReference(
                content: try Self.insert(directory.encoded(), into: store),
                metadata: try Self.insert(times.encoded(), into: store)),
            directory.totals
        )
    }

    private static func insert(_ bytes: [UInt8], into store: ObjectStore?) throws -> Digest {
        guard let store else { return ContentHasher.digest(of: bytes) }
        return try store.insert(bytes)
    }
}
