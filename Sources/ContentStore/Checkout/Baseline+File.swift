package import JobModel

extension Baseline {
    private static let fileLimit = 8 << 30

    /// Writes the baseline to a file, which a restarted process reads; replaces one that is there.
    /// Not synced: after a power cut the job that it belongs to is gone too, and a torn file is
    /// recognised by its checksum.
    package func save(to path: RawPath) throws {
        try forPeople { try AtomicFile.write(encoded, to: path, mode: 0o600, isDurable: false) }
    }

    /// Reads what ``save(to:)`` wrote.
    ///
    /// - Throws: ``ShuntError``; ``init(of:from:)`` then does the same at the cost of hashing.
    package init(loadingFrom path: RawPath) throws {
        let bytes = try forPeople { try AtomicFile.read(path, limit: Self.fileLimit) }
        do {
            self = try Baseline(decoding: bytes)
        } catch is TreeError {
            throw ShuntError(
                .failed, "the baseline `\(path)` is damaged", hint: "rm \(shellQuoted(path))")
        }
    }

    /// A baseline of what a tree says alone, without any file's status: everything is read again
    /// when the directory is compared.
    package init(of tree: TreeReference, from store: ObjectStore) throws {
        var parts: [Part] = []
        var waiting: [(RawPath, Digest)] = [(.root, tree.content)]
        let budget = EntryBudget(ObjectStore.treeEntryLimit)
        while let (path, digest) = waiting.popLast() {
            let directory = try store.directory(digest, at: path)
            try budget.take(directory.entries.count)
            var entries: [Entry] = []
            for entry in directory.entries {
                switch entry.node {
                case .file(let digest, let size, let isExecutable):
                    entries.append(
                        Entry(
                            name: entry.name,
                            node: .file(
                                digest, size: size, isExecutable: isExecutable, status: nil)))
                case .directory(let child, _):
                    entries.append(Entry(name: entry.name, node: .directory))
                    waiting.append((path.appending(entry.name), child))
                case .symlink(let target):
                    entries.append(Entry(name: entry.name, node: .symlink(target)))
                }
            }
            parts.append(Part(path: path, entries: entries))
        }
        self.init(tree: tree, parts: parts)
    }
}
