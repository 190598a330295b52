package import JobModel

/// A directory's part in what has to be sent.
package struct DirectoryShare: Sendable, Hashable {
    /// Relative to the root; ``RawPath/root`` stands for the files of the root itself.
    package var path: RawPath
    /// Bytes that count in it and beneath it, in the root only its own.
    package var bytes: Int64
    package var files: Int

    package init(path: RawPath, bytes: Int64, files: Int) {
        self.path = path
        self.bytes = bytes
        self.files = files
    }
}

extension ObjectStore {
    /// The directories that hold most of what counts, largest first, none inside another, for a
    /// plan that tells people what makes it large.
    ///
    /// A directory stands for what is in it unless one child holds three quarters of it or more:
    /// then that child is named, since it is what a person would leave out. Content that occurs
    /// several times counts where it is met first.
    ///
    /// - Parameter counts: whether a file's bytes count, such as "the worker lacks it".
    package func largestDirectories(
        of tree: TreeReference, top limit: Int, counting counts: (Digest) throws -> Bool
    ) throws -> [DirectoryShare] {
        let sums = try DirectorySums(self, tree.content, counts)
        return sums.largest(limit)
    }
}

/// Sums of counting bytes per directory, kept as a flat list in which parents come first.
private struct DirectorySums {
    private struct Node {
        var path: RawPath
        var parent: Int
        var own = DirectoryShare(path: .root, bytes: 0, files: 0)
        var total = DirectoryShare(path: .root, bytes: 0, files: 0)
        var children: [Int] = []
    }

    private var nodes: [Node] = []

    init(_ store: ObjectStore, _ root: Digest, _ counts: (Digest) throws -> Bool) throws {
        var seen: Set<Digest> = []
        let budget = EntryBudget(ObjectStore.treeEntryLimit)
        var waiting = [(path: RawPath.root, digest: root, parent: -1)]
        while let (path, digest, parent) = waiting.popLast() {
            let directory = try store.directory(digest, at: path)
            try budget.take(directory.entries.count)
            let index = nodes.count
            var node = Node(path: path, parent: parent)
            for entry in directory.entries {
                switch entry.node {
                case .file(let digest, let size, _):
                    guard seen.insert(digest).inserted, try counts(digest) else { continue }
                    node.own.bytes = node.own.bytes.saturatingAdd(size)
                    node.own.files += 1
                case .directory(let child, _):
                    waiting.append((path.appending(entry.name), child, index))
                case .symlink: continue
                }
            }
            if parent >= 0 { nodes[parent].children.append(index) }
            nodes.append(node)
        }
        for index in nodes.indices.reversed() {
            nodes[index].total.add(nodes[index].own)
            let parent = nodes[index].parent
            if parent >= 0 { nodes[parent].total.add(nodes[index].total) }
        }
    }

    func largest(_ limit: Int) -> [DirectoryShare] {
        let root = nodes[0]
        var shares = root.children.map { representative($0) }
        shares.append(DirectoryShare(path: .root, bytes: root.own.bytes, files: root.own.files))
        return Array(
            shares.filter { $0.bytes > 0 }
                .sorted { ($1.bytes, $0.path) < ($0.bytes, $1.path) }
                .prefix(limit))
    }

    /// The directory itself, or the one beneath it that makes up most of it.
    private func representative(_ index: Int) -> DirectoryShare {
        var current = index
        while let child = nodes[current].children.first(where: { child in
            nodes[child].total.bytes / 3 >= nodes[current].total.bytes / 4
                && nodes[child].total.bytes > 0
        }) {
            current = child
        }
        let node = nodes[current]
        return DirectoryShare(path: node.path, bytes: node.total.bytes, files: node.total.files)
    }
}

extension DirectoryShare {
    fileprivate mutating func add(_ other: DirectoryShare) {
        bytes = bytes.saturatingAdd(other.bytes)
        files += other.files
    }
}

extension Int64 {
    fileprivate func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
