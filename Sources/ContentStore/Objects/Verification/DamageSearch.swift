package import JobModel

extension ObjectStore {
    /// Reads all that is here of a tree and moves aside what is damaged: where one object was,
    /// others are likely to be too, and what a tree lacks is then brought at once. What is missing
    /// counts as missing for every reader from then on.
    ///
    /// - Parameter elsewhere: objects that nobody expects here.
    /// - Returns: how many objects are missing now, not counting what is below a missing directory.
    @discardableResult
    package func setAsideDamage(
        in tree: TreeReference, besides elsewhere: Set<Digest> = []
    ) throws -> Int {
        var search = DamageSearch(self, besides: elsewhere)
        try search.look(at: tree)
        // Somebody who deleted objects told nobody: what is remembered to be here is forgotten.
        if search.missing > 0 { try noteLoss() }
        return search.missing
    }
}

/// A look at every object of a tree, each once. What is missing is passed over.
private struct DamageSearch {
    let store: ObjectStore
    private(set) var missing = 0
    private var seen: [Digest: Bool]
    private let budget = EntryBudget(ObjectStore.treeEntryLimit)

    init(_ store: ObjectStore, besides elsewhere: Set<Digest>) {
        self.store = store
        seen = Dictionary(uniqueKeysWithValues: elsewhere.map { ($0, true) })
    }

    mutating func look(at tree: TreeReference) throws {
        // Without metadata where its parent's could not be read.
        var waiting: [(content: Digest, metadata: Digest?)] = [(tree.content, tree.metadata)]
        while let (content, metadata) = waiting.popLast() {
            let hasMetadata = try metadata.map { try look(at: $0) } ?? false
            guard try look(at: content) else { continue }
            let directory = try store.directory(content)
            try budget.take(directory.entries.count)
            let details =
                hasMetadata ? try metadata.map { try store.metadata($0, of: directory) } : nil
            for (index, entry) in directory.entries.enumerated() {
                switch entry.node {
                case .file(let digest, _, _): try look(at: digest)
                case .directory(let child, _):
                    var below: Digest?
                    if case .directory(let digest)? = details?.entries[index] { below = digest }
                    waiting.append((child, below))
                case .symlink: continue
                }
            }
        }
    }

    /// - Returns: whether the object is here and whole.
    @discardableResult
    private mutating func look(at digest: Digest) throws -> Bool {
        if let known = seen[digest] { return known }
        let isWhole = try store.isUndamaged(digest)
        if !isWhole { missing += 1 }
        seen[digest] = isWhole
        return isWhole
    }
}
