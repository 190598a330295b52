internal import Glibc
internal import JobModel
internal import Synchronization

/// The statuses of entries, beside what the stat cache has of them.
extension TreeWalk {
    /// A hash item covers at most so many files or bytes, so that threads share the work.
    private static let hashFiles = 64
    private static let hashBytes: Int64 = 16 << 20

    /// What one range adds to the walk, handed over at its end.
    private struct Additions {
        var directories: [(entry: Int, cached: Int)] = []
        var links: [(entry: Int, target: [UInt8])] = []
        var specialFiles: [SpecialFile] = []
        var hashing: [Range<Int>] = []
        /// The range that is being gathered.
        var hashStart = -1
        var hashFiles = 0
        var hashBytes: Int64 = 0
    }

    /// Takes the status of each entry of a range, and finds out which are as the cache has them.
    /// The caller holds the node.
    func examine(
        _ node: DirectoryNode, _ range: Range<Int>, _ directory: Int32, _ queue: WorkQueue<WalkItem>
    ) throws {
        var additions = Additions()
        var cursor = CacheCursor(cache, directory: node.cachedIndex)
        if range.lowerBound > 0 { cursor.skip(to: node.name(of: node.entries[range.lowerBound])) }
        for index in range {
            let cached = cursor.find(node.name(of: node.entries[index]))
            if node.entries[index].kind != .directory {
                guard try takeStatus(of: index, node, directory) else { continue }
            }
            switch node.entries[index].kind {
            case .file: try examineFile(index, node, cached, &additions)
            case .directory: additions.directories.append((index, cached))
            case .symlink: try examineLink(index, node, cached, directory, &additions)
            case .special:
                // It was something else when the directory was read.
                throw ObjectStore.changedWhileRead(shown(node, index))
            }
        }
        endHashRange(at: range.upperBound, &additions)
        options.progress?.add(filesSeen: range.count)
        handOver(additions, node, queue)
    }

    func shown(_ node: DirectoryNode, _ index: Int) -> RawPath {
        root.appending(node.path(of: node.entries[index]).bytes)
    }

    /// - Returns: whether the entry is still there, and part of the tree.
    private func takeStatus(
        of index: Int, _ node: DirectoryNode, _ directory: Int32
    ) throws -> Bool {
        var result = stat()
        let name = node.terminatedName(of: node.entries[index])
        while fstatat(directory, name, &result, AT_SYMLINK_NOFOLLOW) != 0 {
            let code = errno
            if code == EINTR { continue }
            guard code == ENOENT else {
                throw WalkError.unreadable(
                    SystemError(operation: "read", path: shown(node, index), code: code))
            }
            node.entries[index].flags.insert(.isGone)
            return false
        }
        let status = FileStat(result)
        node.entries[index].setStatus(status)
        guard !options.withheld.isEmpty, status.kind == .file,
            options.withheld.contains(status.identity)
        else { return true }
        node.entries[index].flags.insert(.isGone)
        let path = node.path(of: node.entries[index])
        shared.withLock { $0.findings.withheld.append(path) }
        return false
    }

    private func examineFile(
        _ index: Int, _ node: DirectoryNode, _ cached: Int, _ additions: inout Additions
    ) throws {
        if cached >= 0, let flags = try knownFlags(cache!.entries[cached], node.entries[index]) {
            let known = cache!.entries[cached]
            node.entries[index].digest = known.digest
            node.entries[index].flags = flags.union([.sameContent, .sameTime])
            if flags == known.flags { node.entries[index].flags.insert(.sameRecord) }
            return
        }
        node.entries[index].flags.insert(.needsHash)
        node.entries[index].link = cached >= 0 ? UInt32(cached) : EntryRecord.none
        if additions.hashStart < 0 { additions.hashStart = index }
        additions.hashFiles += 1
        additions.hashBytes += node.entries[index].size
        if additions.hashFiles >= Self.hashFiles || additions.hashBytes >= Self.hashBytes {
            endHashRange(at: index + 1, &additions)
        }
    }

    /// Whether the cached digest holds for the status that was found, and the store has the
    /// content as far as it must.
    ///
    /// - Returns: the flags of the new record, or `nil` if the file must be read.
    private func knownFlags(
        _ cached: EntryRecord, _ found: EntryRecord
    ) throws -> EntryRecord.Flags? {
        guard cached.flags.isSuperset(of: [.hasDigest, .isSettled]), cached.hasStatus(of: found)
        else { return nil }
        guard let store else { return cached.flags }
        if cached.flags.contains(.isStored), trustsStore { return cached.flags }
        if try store.holds(cached.digest) { return cached.flags.union(.isStored) }
        guard found.size > options.copyLimit.bytes else { return nil }
        return cached.flags.subtracting(.isStored)
    }

    private func endHashRange(at end: Int, _ additions: inout Additions) {
        guard additions.hashStart >= 0 else { return }
        additions.hashing.append(additions.hashStart..<end)
        additions.hashStart = -1
        additions.hashFiles = 0
        additions.hashBytes = 0
    }

    private func examineLink(
        _ index: Int, _ node: DirectoryNode, _ cached: Int, _ directory: Int32,
        _ additions: inout Additions
    ) throws {
        let name = node.terminatedName(of: node.entries[index])
        let target = try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) {
            buffer throws -> [UInt8]? in
            let count = readlinkat(directory, name, buffer.baseAddress!, buffer.count)
            guard count < 0 else { return buffer[..<count].map { UInt8(bitPattern: $0) } }
            let code = errno
            if code == ENOENT || code == EINVAL { return nil }
            throw WalkError.unreadable(
                SystemError(operation: "read the link", path: shown(node, index), code: code))
        }
        guard let target, !target.isEmpty else {
            // Removed, or replaced by something else, since its status was taken.
            node.entries[index].flags.insert(.isGone)
            return
        }
        additions.links.append((index, target))
        guard cached >= 0 else { return }
        let known = cache!.entries[cached]
        guard known.kind == .symlink, cache!.target(of: cached).elementsEqual(target) else {
            return
        }
        node.entries[index].flags.insert(.sameContent)
        if known.hasTime(of: node.entries[index]) { node.entries[index].flags.insert(.sameTime) }
        if known.hasStatus(of: node.entries[index]) {
            node.entries[index].flags.insert(.sameRecord)
        }
    }

    private func handOver(
        _ additions: Additions, _ node: DirectoryNode, _ queue: WorkQueue<WalkItem>
    ) {
        var items: [WalkItem] = []
        let hashing = additions.hashing.map { WalkItem.hash(node, $0) }
        guard !additions.directories.isEmpty || !additions.links.isEmpty || !hashing.isEmpty else {
            return
        }
        shared.withLock { shared in
            for (entry, cached) in additions.directories {
                let child = self.child(of: node, entry, cached, index: shared.nodes.count)
                node.entries[entry].link = UInt32(child.index)
                shared.nodes.append(child)
                items.append(.list(child))
            }
            for (entry, target) in additions.links {
                node.entries[entry].link = UInt32(shared.targets.count)
                shared.targets.append(target)
                if Self.escapes(target, depth: node.depth) {
                    shared.findings.escapingLinks.append(
                        EscapingLink(
                            path: node.path(of: node.entries[entry]), target: RawPath(target)))
                }
            }
            node.holds += items.count + hashing.count
        }
        queue.push(items + hashing)
    }

    private func child(
        of node: DirectoryNode, _ entry: Int, _ cached: Int, index: Int
    ) -> DirectoryNode {
        var cachedIndex = -1
        if cached >= 0, let known = cache?.entries[cached], known.kind == .directory {
            cachedIndex = Int(known.link)
        }
        let record = node.entries[entry]
        return DirectoryNode(
            index: index, parent: node, name: Array(node.name(of: record)), entryIndex: entry,
            cachedIndex: cachedIndex,
            includesCredentials: node.includesCredentials
                || record.flags.contains(.includesCredentials))
    }

    /// Whether a link's target is absolute or climbs above the root, going by its text: where it
    /// passes through other links, only the machine it is on could tell.
    ///
    /// - Parameter depth: of the directory that holds the link; 0 for the root.
    static func escapes(_ target: [UInt8], depth: Int) -> Bool {
        guard target.first != UInt8(ascii: "/") else { return true }
        var level = depth
        for name in target.split(separator: UInt8(ascii: "/")) {
            if name.elementsEqual("..".utf8) {
                level -= 1
                if level < 0 { return true }
            } else if !name.elementsEqual(".".utf8) {
                level += 1
            }
        }
        return false
    }
}

/// Goes through the cached entries of one directory beside the names of a walk, both in byte
/// order.
private struct CacheCursor {
    private let image: StatCacheImage?
    private var position = 0
    private let end: Int

    init(_ image: StatCacheImage?, directory: Int) {
        guard let image, directory >= 0 else {
            self.image = nil
            end = 0
            return
        }
        let range = image.range(of: directory)
        self.image = image
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func skip(to name: UnsafeBufferPointer<UInt8>) {
        guard let image else { return }
        position = image.firstEntry(in: position..<end, notBefore: name)
    }

    /// The index of the cached entry of that name, or -1. Names must come in order.
    mutating func find(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        guard let image else { return -1 }
        while position < end {
            let order = compareNames(image.name(of: position), name)
            if order > 0 { return -1 }
            position += 1
            if order == 0 { return position - 1 }
        }
        return -1
    }
}
