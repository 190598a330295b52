internal import Glibc
internal import JobModel

/// The names of a directory, and which of them are part of the tree.
extension TreeWalk {
    /// Reads the names, applies the ignore rules, and lays out the node's entries in byte order.
    func readEntries(
        of node: DirectoryNode, _ descriptor: Int32, _ scratch: WalkScratch
    ) throws {
        try scratch.listing.read(descriptor, shownAs: root.appending(node.path.bytes))
        var hasIgnoreFile = false
        var hasMarker = false
        scratch.listing.forEach { name, bytes in
            switch name.head {
            case Self.ignoreFileHead:
                if bytes.elementsEqual(IgnoreScope.fileName), name.type != .directory {
                    hasIgnoreFile = true
                }
            case Self.markerHeads[0]:
                if bytes.elementsEqual(BuiltInExcludes.environmentMarkers[0]) { hasMarker = true }
            case Self.markerHeads[1]:
                if bytes.elementsEqual(BuiltInExcludes.environmentMarkers[1]) { hasMarker = true }
            default: break
            }
        }
        let rules = hasIgnoreFile ? try readRules(of: node, descriptor) : nil
        if node.parent == nil {
            node.scope = .root(rules)
        } else if let rules {
            node.scope = node.scope?.nested(rules, directory: node.path.bytes)
        }
        // A scope is set at the root and inherited.
        let scope = node.scope!
        if hasMarker, node.parent != nil, scope.usesBuiltIns, !node.includesCredentials {
            return exclude(node)
        }
        try layOut(node, scope, descriptor, scratch)
    }

    private static let ignoreFileHead = head(of: IgnoreScope.fileName)
    private static let markerHeads = BuiltInExcludes.environmentMarkers.map(head(of:))

    private static func head(of name: [UInt8]) -> UInt64 {
        name.withUnsafeBufferPointer { DirectoryListing.head(of: $0) }
    }

    /// A directory that turned out to be no part of the tree.
    private func exclude(_ node: DirectoryNode) {
        node.isExcluded = true
        node.parent?.entries[node.entryIndex].flags.insert(.isGone)
    }

    private func readRules(of node: DirectoryNode, _ directory: Int32) throws -> IgnoreRules {
        let shown = root.appending(node.path.appending(IgnoreScope.fileName).bytes)
        do {
            // A link is followed: rules that several projects share are worth one.
            let number = try withTerminated(IgnoreScope.fileName) { name throws(SystemError) in
                try checked("read", shown) { openat(directory, name, O_RDONLY | O_CLOEXEC) }
            }
            let file = Descriptor(adopting: number)
            let limit = IgnoreRules.fileLimit
            var text = [UInt8](repeating: 0, count: limit + 1)
            let count = try text.withUnsafeMutableBytes { try file.read(into: $0, shownAs: shown) }
            guard count <= limit else {
                throw ShuntError(
                    .refused, "`\(shown)` is larger than \(ByteCount(Int64(limit)))",
                    hint: "wc -l .shuntignore")
            }
            return try IgnoreRules(parsing: text[..<count])
        } catch let error as SystemError {
            throw WalkError.unreadable(error)
        }
    }

    private func layOut(
        _ node: DirectoryNode, _ scope: IgnoreScope, _ descriptor: Int32, _ scratch: WalkScratch
    ) throws {
        scratch.path.removeAll(keepingCapacity: true)
        if scope.needsPath, node.parent != nil {
            scratch.path += node.path.bytes
            scratch.path.append(UInt8(ascii: "/"))
        }
        var filter = EntryFilter(
            walk: self, node: node, scope: scope, descriptor: descriptor, path: scratch.path)
        try scratch.listing.keepAndSort { name, bytes in try filter.keeps(&name, bytes) }
        filter.report()
        let textLength = scratch.listing.names.reduce(0) { $0 + Int($1.length) + 1 }
        node.allocate(entryCount: scratch.listing.names.count, nameBytes: textLength)
        var offset = 0
        var index = 0
        scratch.listing.forEach { name, bytes in
            for position in 0..<bytes.count { node.names[offset + position] = bytes[position] }
            var record = EntryRecord()
            record.nameOffset = UInt32(offset)
            record.nameLength = name.length
            record.mode = UInt16(name.type.mode)
            if name.includesCredentials { record.flags.insert(.includesCredentials) }
            node.entries[index] = record
            index += 1
            offset += bytes.count + 1
        }
    }
}

extension DirectoryListing.FileType {
    /// The type bits of `st_mode`.
    fileprivate var mode: UInt32 {
        switch self {
        case .file: 0o100000
        case .directory: 0o040000
        case .symlink: 0o120000
        case .fifo, .socket, .device, .unknown: 0
        }
    }
}
