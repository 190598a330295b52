internal import Glibc
internal import JobModel

/// One directory of a walk: the only object there is per directory; files are records in its flat
/// block of entries.
///
/// **Who touches what.** Until the node is on the queue, the thread that makes it. Then the thread
/// that lists it, alone. Then, for each range of entries, the thread that holds the work item of
/// that range; a child that turns out gone or excluded marks its own entry in its parent's block,
/// which no range touches any more. `holds`, `descriptor` and `isRetained` change under the walk's
/// lock. After the threads have joined, the assembly. Every hand-over passes through the queue's
/// lock.
final class DirectoryNode: @unchecked Sendable {
    let index: Int
    /// The walk keeps every node until its end, so this needs no count.
    unowned(unsafe) let parent: DirectoryNode?
    let name: [UInt8]
    /// Where this directory stands among its parent's entries.
    let entryIndex: Int
    let depth: Int
    /// Length of the path from the root with a slash behind it; 0 for the root.
    let pathLength: Int
    /// Its record in the stat cache, or -1.
    let cachedIndex: Int
    /// Whether credential files below were included by including a directory above.
    let includesCredentials: Bool

    /// Open while entries or children need it, or -1: then it is reached from above.
    var descriptor: Int32 = -1
    /// Ranges and children that still need the directory.
    var holds = 0
    /// Whether ``descriptor`` stays open for them.
    var isRetained = false

    var scope: IgnoreScope?
    var grain = TimestampGrain.coarse
    var status: FileStat?
    var isExcluded = false

    private(set) var entries = UnsafeMutableBufferPointer<EntryRecord>(start: nil, count: 0)
    /// The names, each with a NUL behind it.
    private(set) var names = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)

    /// What the assembly made of it.
    var content = EntryRecord.noDigest
    var metadata = EntryRecord.noDigest
    var totals = TreeTotals.zero

    init(
        index: Int, parent: DirectoryNode?, name: [UInt8], entryIndex: Int, cachedIndex: Int,
        includesCredentials: Bool
    ) {
        self.index = index
        self.parent = parent
        self.name = name
        self.entryIndex = entryIndex
        self.cachedIndex = cachedIndex
        self.includesCredentials = includesCredentials
        depth = parent.map { $0.depth + 1 } ?? 0
        pathLength = parent.map { $0.pathLength + name.count + 1 } ?? 0
        scope = parent?.scope
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        entries.deallocate()
        names.deallocate()
    }

    func allocate(entryCount: Int, nameBytes: Int) {
        entries = .allocate(capacity: entryCount)
        entries.initialize(repeating: EntryRecord())
        names = .allocate(capacity: nameBytes)
        names.initialize(repeating: 0)
    }

    func name(of entry: EntryRecord) -> UnsafeBufferPointer<UInt8> {
        let start = Int(entry.nameOffset)
        return UnsafeBufferPointer(rebasing: names[start..<(start + Int(entry.nameLength))])
    }

    /// The name as the kernel wants it.
    func terminatedName(of entry: EntryRecord) -> UnsafePointer<CChar> {
        // A block that holds a name has an address.
        UnsafeRawPointer(names.baseAddress! + Int(entry.nameOffset))
            .assumingMemoryBound(to: CChar.self)
    }

    /// The path from the root of the walk, without a slash at its end.
    var path: RawPath {
        var chain: [DirectoryNode] = []
        var node = self
        while let parent = node.parent {
            chain.append(node)
            node = parent
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pathLength)
        for node in chain.reversed() {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "/")) }
            bytes += node.name
        }
        return RawPath(bytes)
    }

    func path(of entry: EntryRecord) -> RawPath { path.appending(Array(name(of: entry))) }
}
