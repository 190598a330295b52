internal import Glibc
internal import JobModel
internal import Synchronization

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
        if !walk.omitted.isEmpty, walk.omitted.contains(fullPath(bytes)) { return false }
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
