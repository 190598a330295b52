internal import Glibc
internal import JobModel
internal import Synchronization

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
                    hint: "name directories instead of single files")
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

/// Decides for the entries of one directory what stays out, and remembers what must be told.
struct EntryFilter {
    let walk: TreeWalk
    let node: DirectoryNode
    let scope: IgnoreScope
    let descriptor: Int32
    /// The directory's path with its slash where the rules ask for paths, else empty; a name is
    /// put behind it for each question.
    var path: [UInt8]

    private var credentials: [LeftOutCredential] = []
    private var specialFiles: [SpecialFile] = []

    init(
        walk: TreeWalk, node: DirectoryNode, scope: IgnoreScope, descriptor: Int32, path: [UInt8]
    ) {
        self.walk = walk
        self.node = node
        self.scope = scope
        self.descriptor = descriptor
        self.path = path
    }

    mutating func keeps(
        _ name: inout DirectoryListing.Name, _ bytes: UnsafeBufferPointer<UInt8>
    ) throws -> Bool {
        if name.type == .unknown {
            guard let type = try findType(bytes) else { return false }
            name.type = type
        }
        let isDirectory = name.type == .directory
        let isWanted = !walk.included.isEmpty && walk.included.contains(fullPath(bytes))
        let decision = decide(bytes, isDirectory: isDirectory)
        if decision.verdict == .excluded, !isWanted || Self.isGit(bytes) { return false }
        if !node.includesCredentials, holdsCredentials(bytes, isDirectory) {
            guard isWanted || decision.pattern.map(CredentialFiles.isNamed(by:)) ?? false else {
                credentials.append(
                    LeftOutCredential(path: fullPath(bytes), isDirectory: isDirectory))
                return false
            }
            name.includesCredentials = isDirectory
        }
        switch name.type {
        case .fifo: return leaveOut(bytes, .fifo)
        case .socket: return leaveOut(bytes, .socket)
        case .device: return leaveOut(bytes, .device)
        case .file, .directory, .symlink, .unknown: break
        }
        guard node.pathLength + bytes.count <= RootDirectory.longestPath else {
            throw WalkError.longPath(walk.root.appending(fullPath(bytes).bytes))
        }
        return true
    }

    /// Hands over what was left out.
    func report() {
        guard !credentials.isEmpty || !specialFiles.isEmpty else { return }
        walk.shared.withLock { shared in
            shared.findings.credentials += credentials
            shared.findings.specialFiles += specialFiles
        }
    }

    private mutating func decide(
        _ name: UnsafeBufferPointer<UInt8>, isDirectory: Bool
    ) -> IgnoreScope.Decision {
        guard scope.needsPath else {
            // For the root the name is the whole path; elsewhere only the name is asked for.
            return scope.decide(
                path: name, nameStart: 0, directoryLength: node.pathLength,
                isDirectory: isDirectory)
        }
        path.append(contentsOf: name)
        defer { path.removeLast(name.count) }
        return path.withUnsafeBufferPointer {
            scope.decide(
                path: $0, nameStart: node.pathLength, directoryLength: node.pathLength,
                isDirectory: isDirectory)
        }
    }

    private func holdsCredentials(
        _ name: UnsafeBufferPointer<UInt8>, _ isDirectory: Bool
    ) -> Bool {
        node.name.withUnsafeBufferPointer { parent in
            CredentialFiles.holds(name: name, parent: parent, isDirectory: isDirectory)
        }
    }

    private static func isGit(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        name.elementsEqual(BuiltInExcludes.alwaysExcluded)
    }

    private mutating func leaveOut(
        _ name: UnsafeBufferPointer<UInt8>, _ kind: SpecialFile.Kind
    ) -> Bool {
        specialFiles.append(SpecialFile(path: fullPath(name), kind: kind))
        return false
    }

    private func fullPath(_ name: UnsafeBufferPointer<UInt8>) -> RawPath {
        node.path.appending(Array(name))
    }

    /// Asks for the type where the directory did not tell; `nil` if the entry is gone.
    private func findType(
        _ name: UnsafeBufferPointer<UInt8>
    ) throws -> DirectoryListing.FileType? {
        var result = stat()
        do throws(SystemError) {
            try withTerminated(Array(name)) { text throws(SystemError) in
                _ = try checked("read", walk.root.appending(fullPath(name).bytes)) {
                    fstatat(descriptor, text, &result, AT_SYMLINK_NOFOLLOW)
                }
            }
        } catch {
            guard error.code == ENOENT else { throw WalkError.unreadable(error) }
            return nil
        }
        return DirectoryListing.type(ofMode: UInt32(result.st_mode))
    }
}
