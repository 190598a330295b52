internal import Glibc
internal import JobModel
internal import Synchronization

/// Looks at every entry beneath a root with several threads: lists directories, asks the ignore
/// rules, takes statuses, and reads what the stat cache does not know, into the store where there
/// is one. What it leaves is one ``DirectoryNode`` per directory for ``TreeAssembly``.
///
/// Directories are opened one below the other (`openat`, `O_NOFOLLOW`), never by path, so neither
/// depth nor a directory that somebody replaces with a link leads outside. A directory stays open
/// only while its entries and children need it; where too many would be open at once, on trees
/// deep and broad at the same time, the rest are reached again from above.
///
/// A walk is not one moment: what is created or removed meanwhile may be in the tree or not. Each
/// file's bytes belong to one status of it.
final class TreeWalk: Sendable {
    let root: RawPath
    let options: SnapshotOptions
    /// `nil` for a dry run, which hashes only.
    let store: ObjectStore?
    let cache: StatCacheImage?
    /// Whether the store still has everything that the cache says it has.
    let trustsStore: Bool
    let included: Set<RawPath>
    /// Left out, whatever lies there.
    let omitted: Set<RawPath>

    let shared = Mutex(Shared())

    /// What all threads add to, and the book on open directories.
    struct Shared {
        /// Parents stand before their children; the root is first.
        var nodes: [DirectoryNode] = []
        var retained = 0
        var targets: [[UInt8]] = []
        var findings = WalkFindings()
    }

    /// Entries that one thread looks at before others may take part.
    private static let rangeLength = 1024

    init(
        root: RawPath, options: SnapshotOptions, store: ObjectStore?, cache: StatCacheImage?,
        trustsStore: Bool
    ) {
        self.root = root
        self.options = options
        self.store = store
        self.cache = cache
        self.trustsStore = trustsStore
        included = Set(options.includedCredentials)
        omitted = Set(options.omitted)
    }

    /// Walks the whole tree.
    ///
    /// - Parameter directory: the root, open.
    /// - Throws: ``ShuntError`` naming the path that could not be read, or that kept changing.
    func run(_ directory: consuming Descriptor) throws {
        let node = DirectoryNode(
            index: 0, parent: nil, name: root.lastComponent, entryIndex: 0,
            cachedIndex: cache == nil ? -1 : 0, includesCredentials: false)
        node.descriptor = directory.release()
        node.isRetained = true
        shared.withLock { shared in
            shared.nodes = [node]
            shared.retained = 1
        }
        try forPeople {
            try WorkQueue.run(
                [WalkItem.list(node)], width: options.width, context: { WalkScratch() }
            ) { item, scratch, queue in
                switch item {
                case .list(let node): try self.list(node, scratch, queue)
                case .examine(let node, let range):
                    try self.withDescriptor(of: node) {
                        try self.examine(node, range, $0, queue)
                    }
                    self.release(node)
                case .hash(let node, let range):
                    try self.withDescriptor(of: node) { try self.hash(node, range, $0, scratch) }
                    self.release(node)
                }
            }
        }
    }

    private func list(
        _ node: DirectoryNode, _ scratch: WalkScratch, _ queue: WorkQueue<WalkItem>
    ) throws {
        guard let descriptor = try open(node) else { return }
        defer { if !node.isRetained { close(descriptor) } }
        try readEntries(of: node, descriptor, scratch)
        let count = node.entries.count
        if count <= Self.rangeLength {
            try examine(node, 0..<count, descriptor, queue)
        } else {
            let ranges = stride(from: 0, to: count, by: Self.rangeLength).map {
                WalkItem.examine(node, $0..<min(count, $0 + Self.rangeLength))
            }
            hold(node, times: ranges.count)
            queue.push(ranges)
        }
        release(node)
    }
}

/// A piece of a walk.
enum WalkItem: Sendable {
    /// Open a directory and read its names.
    case list(DirectoryNode)
    /// Look at a range of its entries.
    case examine(DirectoryNode, Range<Int>)
    /// Read those of a range whose content is not known.
    case hash(DirectoryNode, Range<Int>)
}

/// Buffers of one thread, used again for each directory.
final class WalkScratch {
    var listing = DirectoryListing()
    var path: [UInt8] = []
    let readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)

    deinit {
        listing.deallocate()
        readBuffer.deallocate()
    }
}

/// What a walk came across besides the tree.
struct WalkFindings {
    var credentials: [LeftOutCredential] = []
    var withheld: [RawPath] = []
    var specialFiles: [SpecialFile] = []
    var escapingLinks: [EscapingLink] = []
    var filesRead: Int64 = 0
    var bytesRead: Int64 = 0
}

// MARK: - Open directories

extension TreeWalk {
    /// Opens a directory that its parent's entries named, for its first look.
    ///
    /// - Returns: `nil` if it is gone.
    private func open(_ node: DirectoryNode) throws -> Int32? {
        guard let parent = node.parent else {
            node.holds = 1
            try takeStatus(node, node.descriptor)
            return node.descriptor
        }
        let number: Int32
        do {
            number = try withDescriptor(of: parent) {
                let directory = Descriptor(adopting: try openDirectory(node, in: $0))
                try takeStatus(node, directory.number)
                return directory.release()
            }
        } catch let error as SystemError {
            guard error.code == ENOENT else { throw WalkError.unreadable(error) }
            parent.entries[node.entryIndex].flags.insert(.isGone)
            node.isExcluded = true
            release(parent)
            return nil
        }
        let isRetained = shared.withLock { shared in
            node.holds = 1
            guard shared.retained < options.openDirectories else { return false }
            shared.retained += 1
            node.descriptor = number
            node.isRetained = true
            return true
        }
        // Without a descriptor of its own to reach it by, it needs its parent's until its end.
        if isRetained { release(parent) }
        return number
    }

    private func openDirectory(
        _ node: DirectoryNode, in parent: Int32
    ) throws(SystemError) -> Int32 {
        try withTerminated(node.name) { name throws(SystemError) in
            try checked("read", root.appending(node.path.bytes)) {
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
        }
    }

    private func takeStatus(_ node: DirectoryNode, _ descriptor: Int32) throws(SystemError) {
        var result = stat()
        try checked("read", root.appending(node.path.bytes)) { fstat(descriptor, &result) }
        let status = FileStat(result)
        node.status = status
        if let parent = node.parent, parent.status?.device == status.device {
            node.grain = parent.grain
        } else {
            node.grain = TimestampGrain.of(descriptor)
        }
    }

    /// Calls `body` with the directory open. The caller holds the node.
    func withDescriptor<Result>(
        of node: DirectoryNode, _ body: (Int32) throws -> Result
    ) throws -> Result {
        if node.isRetained { return try body(node.descriptor) }
        let reopened = try reopen(node)
        return try body(reopened.number)
    }

    /// Reaches a directory again from the nearest one above that is open.
    private func reopen(_ node: DirectoryNode) throws -> Descriptor {
        var chain = [node]
        // The root is always open.
        var above = node.parent!
        while !above.isRetained {
            chain.append(above)
            above = above.parent!
        }
        var current: Descriptor?
        for step in chain.reversed() {
            current = Descriptor(
                adopting: try openDirectory(step, in: current?.number ?? above.descriptor))
        }
        // The chain has at least the node itself.
        let reached = current.take()!
        let status = try reached.status(shownAs: root.appending(node.path.bytes))
        guard status.inode == node.status?.inode, status.device == node.status?.device else {
            throw ObjectStore.changedWhileRead(root.appending(node.path.bytes))
        }
        return reached
    }

    func hold(_ node: DirectoryNode, times: Int) {
        shared.withLock { _ in node.holds += times }
    }

    /// Gives one hold back; the last one closes the directory.
    func release(_ node: DirectoryNode) {
        var released = node
        while true {
            let (closing, next) = shared.withLock { shared -> (Int32, DirectoryNode?) in
                released.holds -= 1
                guard released.holds == 0 else { return (-1, nil) }
                guard released.isRetained else { return (-1, released.parent) }
                shared.retained -= 1
                let descriptor = released.descriptor
                released.descriptor = -1
                return (descriptor, nil)
            }
            if closing >= 0 { close(closing) }
            guard let next else { return }
            released = next
        }
    }
}
