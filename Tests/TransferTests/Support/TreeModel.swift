import ContentStore
import JobModel
import TestSupport
import Testing

/// A directory as a test thinks of it.
indirect enum Model {
    case file([UInt8], modified: Int64 = 1)
    case link(String)
    case directory([String: Model])

    static func text(_ text: String) -> Model { .file(Array(text.utf8)) }

    /// Changes what is at a path, making directories on the way.
    mutating func set(_ path: String, to model: Model) {
        let parts = path.split(separator: "/", maxSplits: 1).map(String.init)
        var entries: [String: Model] = [:]
        if case .directory(let have) = self { entries = have }
        if parts.count == 1 {
            entries[parts[0]] = model
        } else {
            var child = entries[parts[0]] ?? .directory([:])
            child.set(parts[1], to: model)
            entries[parts[0]] = child
        }
        self = .directory(entries)
    }

    /// Adds everything to a store and makes it durable there.
    func stored(in store: ObjectStore) throws -> TreeReference {
        guard case .directory(let entries) = self else {
            preconditionFailure("a tree is a directory")
        }
        let tree = try Self.insert(entries, in: store).tree
        try store.flush()
        return tree
    }

    private static func insert(
        _ entries: [String: Model], in store: ObjectStore
    ) throws -> (tree: TreeReference, totals: TreeTotals) {
        var nodes: [TreeEntry] = []
        var times: [TreeMetadata.Entry] = []
        let sorted = entries.sorted { Array($0.key.utf8).lexicographicallyPrecedes($1.key.utf8) }
        for (name, model) in sorted {
            let node: TreeNode
            switch model {
            case .file(let bytes, let modified):
                node = .file(
                    try store.insert(bytes), size: Int64(bytes.count),
                    isExecutable: name.hasSuffix(".sh"))
                times.append(.modified(FileTime(seconds: modified, nanoseconds: 7)))
            case .link(let target):
                node = .symlink(Array(target.utf8))
                times.append(.modified(FileTime(seconds: 1, nanoseconds: 2)))
            case .directory(let children):
                let child = try insert(children, in: store)
                node = .directory(child.tree.content, child.totals)
                times.append(.directory(child.tree.metadata))
            }
            nodes.append(TreeEntry(name: Array(name.utf8), node: node))
        }
        let directory = try TreeDirectory(entries: nodes)
        let metadata = TreeMetadata(
            modified: FileTime(seconds: 5, nanoseconds: 0), entries: times)
        return (
            TreeReference(
                content: try store.insert(directory), metadata: try store.insert(metadata)),
            directory.totals
        )
    }

    /// Files, links and directories of random content, some files of them equal.
    static func random(_ random: inout SeededGenerator, depth: Int = 4) -> Model {
        var entries: [String: Model] = [:]
        for number in 0..<random.below(depth == 4 ? 12 : 7) {
            switch random.below(8) {
            case 0...2 where depth > 0:
                entries["d\(number)"] = .random(&random, depth: depth - 1)
            case 3: entries["l\(number)"] = .link("target \(number)")
            case 4: entries["same\(number)"] = .text("the same everywhere")
            default:
                let size = random.pick([0, 1, 100, 5000, 70_000, 300_000, 2_500_000])
                let length = random.chance(8) ? size : min(size, 5000)
                entries["f\(number)"] = .file(random.bytes(length), modified: Int64(number))
            }
        }
        return .directory(entries)
    }
}

/// Expects that everybody who opens the store finds the tree whole, every object of it with the
/// bytes that it names.
func expectDurable(
    _ tree: TreeReference, in store: ObjectStore, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let fresh = try ObjectStore(at: store.directory)
    let objects = try fresh.objects(of: tree)
    for digest in objects.directories + objects.metadata + objects.files.map(\.digest) {
        let bytes = try fresh.readBytes(of: digest, limit: 1 << 30)
        #expect(ContentHasher.digest(of: bytes) == digest, sourceLocation: sourceLocation)
    }
}

/// Expects that every object that the store shows is what its name says.
func expectNoDamage(
    in store: ObjectStore, sourceLocation: SourceLocation = #_sourceLocation
) {
    for (name, path) in visibleObjects(of: store) {
        #expect(
            ContentHasher.digest(of: contents(of: path)).hex == name,
            sourceLocation: sourceLocation)
    }
}
