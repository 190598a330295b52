internal import JobModel

/// Makes the directory and metadata objects of a finished walk, from the leaves up, and puts them
/// into the store. A directory whose entries all came to what the stat cache has is not encoded
/// again: its digests are the cached ones.
struct TreeAssembly {
    private let nodes: [DirectoryNode]
    private let targets: [[UInt8]]
    private let cache: StatCacheImage?
    private let store: ObjectStore?
    /// Whether objects of unchanged directories are known to be in the store.
    private let canReuse: Bool
    private let copyLimit: Int64

    /// Whether the stat cache that was read says something else than this walk.
    private(set) var differsFromCache = false
    /// Files whose content is not in the store.
    private(set) var referenced: [(node: DirectoryNode, entry: Int)] = []

    init(_ walk: TreeWalk, nodes: [DirectoryNode], targets: [[UInt8]]) {
        self.nodes = nodes
        self.targets = targets
        cache = walk.cache
        store = walk.store
        canReuse = walk.store == nil || walk.trustsStore
        copyLimit = walk.options.copyLimit.bytes
    }

    /// - Returns: the tree's name and sums.
    mutating func run() throws -> (tree: TreeReference, totals: TreeTotals) {
        do {
            // Children stand behind their parents.
            for node in nodes.reversed() where !node.isExcluded { try assemble(node) }
        } catch let error as TreeError {
            throw error.asShuntError
        }
        let root = nodes[0]
        return (TreeReference(content: root.content, metadata: root.metadata), root.totals)
    }

    /// How a directory's entries compare with those that the cache has.
    private struct Comparison {
        var count = 0
        var sameContent = true
        var sameTimes = true
        var sameRecords = true
    }

    private mutating func assemble(_ node: DirectoryNode) throws {
        let comparison = compare(node)
        let cached = node.cachedIndex >= 0 ? cache?.directories[node.cachedIndex] : nil
        // A walk gives every node its status before it looks at entries.
        let modified = node.status!.modified
        let isComplete = cached.map { Int($0.entryCount) == comparison.count } ?? false
        let sameContent = isComplete && comparison.sameContent
        let sameMetadata =
            sameContent && comparison.sameTimes
            && cached.map { $0.modified == modified } ?? false
        if !isComplete || !sameMetadata || !comparison.sameRecords { differsFromCache = true }
        guard let cached, canReuse, sameContent else {
            try encode(node)
            return try encodeMetadata(node, modified)
        }
        node.content = cached.content
        node.totals = cached.totals
        guard sameMetadata else { return try encodeMetadata(node, modified) }
        node.metadata = cached.metadata
    }

    private mutating func compare(_ node: DirectoryNode) -> Comparison {
        var result = Comparison()
        let entries = node.entries
        for index in entries.indices {
            var flags = entries[index].flags
            if flags.contains(.isGone) { continue }
            result.count += 1
            switch entries[index].kind {
            case .directory: flags.formUnion(compareChild(nodes[Int(entries[index].link)]))
            case .file:
                if !flags.contains(.isStored), entries[index].size > copyLimit {
                    referenced.append((node, index))
                }
            case .symlink, .special: break
            }
            if !flags.contains(.sameContent) { result.sameContent = false }
            if !flags.contains(.sameTime) { result.sameTimes = false }
            if !flags.contains(.sameRecord) { result.sameRecords = false }
        }
        return result
    }

    private func compareChild(_ child: DirectoryNode) -> EntryRecord.Flags {
        guard child.cachedIndex >= 0, let cached = cache?.directories[child.cachedIndex] else {
            return []
        }
        var flags: EntryRecord.Flags = .sameRecord
        if cached.content == child.content { flags.insert(.sameContent) }
        if cached.metadata == child.metadata { flags.insert(.sameTime) }
        return flags
    }

    private func encode(_ node: DirectoryNode) throws {
        var entries: [TreeEntry] = []
        entries.reserveCapacity(node.entries.count)
        for record in node.entries where !record.flags.contains(.isGone) {
            let tree: TreeNode
            switch record.kind {
            case .file:
                tree = .file(record.digest, size: record.size, isExecutable: record.isExecutable)
            case .directory:
                let child = nodes[Int(record.link)]
                tree = .directory(child.content, child.totals)
            case .symlink: tree = .symlink(targets[Int(record.link)])
            case .special: preconditionFailure("a walk leaves special files out")
            }
            entries.append(TreeEntry(name: Array(node.name(of: record)), node: tree))
        }
        let directory: TreeDirectory
        do {
            directory = try TreeDirectory(entries: entries)
        } catch let error as TreeError {
            throw TreeError(path: node.path.appending(error.path.bytes), problem: error.problem)
        }
        node.totals = directory.totals
        node.content = try name(directory.encoded())
    }

    private func encodeMetadata(_ node: DirectoryNode, _ modified: FileTime) throws {
        var entries: [TreeMetadata.Entry] = []
        entries.reserveCapacity(node.entries.count)
        for record in node.entries where !record.flags.contains(.isGone) {
            entries.append(
                record.kind == .directory
                    ? .directory(nodes[Int(record.link)].metadata) : .modified(record.modified))
        }
        node.metadata = try name(TreeMetadata(modified: modified, entries: entries).encoded())
    }

    /// The object's digest; in the store from now on, where there is one.
    private func name(_ object: [UInt8]) throws -> Digest {
        guard let store else { return ContentHasher.digest(of: object) }
        return try store.insert(object)
    }
}

// MARK: - What else a finished walk gives

extension TreeAssembly {
    /// The stat cache of this walk.
    ///
    /// - Parameter storeStamp: of the store, once everything in it is durable.
    func cacheBuilder(storeStamp: Digest?) -> StatCacheBuilder {
        // Nodes that are no part of the tree have no record, so indices move up.
        var recordIndices = [UInt32](repeating: EntryRecord.none, count: nodes.count)
        var next: UInt32 = 0
        for node in nodes where !node.isExcluded {
            recordIndices[node.index] = next
            next += 1
        }
        var builder = StatCacheBuilder(
            storeStamp: storeStamp, directories: nodes.count,
            entries: nodes.reduce(0) { $0 + $1.entries.count })
        for node in nodes where !node.isExcluded {
            builder.add(DirectoryRecord(node))
            for entry in node.entries where !entry.flags.contains(.isGone) {
                switch entry.kind {
                case .directory:
                    builder.add(
                        entry, name: node.name(of: entry), link: recordIndices[Int(entry.link)])
                case .symlink:
                    builder.add(
                        entry, name: node.name(of: entry), link: EntryRecord.none,
                        target: targets[Int(entry.link)])
                case .file, .special:
                    builder.add(entry, name: node.name(of: entry), link: EntryRecord.none)
                }
            }
        }
        return builder
    }
}

extension TreeAssembly {
    /// Whether the tree has a file or link at a path, or a directory with a file in it.
    func holds(_ path: RawPath) -> Bool {
        var node = nodes[0]
        var names = path.components[...]
        while let name = names.popFirst() {
            let entry = node.entries.first { entry in
                !entry.flags.contains(.isGone) && node.name(of: entry).elementsEqual(name)
            }
            guard let entry else { return false }
            guard entry.kind == .directory else { return names.isEmpty && entry.kind != .special }
            node = nodes[Int(entry.link)]
        }
        return node.totals.files > 0
    }
}

extension DirectoryRecord {
    fileprivate init(_ node: DirectoryNode) {
        // A walk gives every node its status before it looks at entries.
        let modified = node.status!.modified
        self.init(
            content: node.content, metadata: node.metadata, files: node.totals.files,
            directories: node.totals.directories, bytes: node.totals.bytes,
            modifiedSeconds: modified.seconds, modifiedNanoseconds: modified.nanoseconds,
            firstEntry: 0, entryCount: 0)
    }

    fileprivate var modified: FileTime {
        FileTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
    }
}
