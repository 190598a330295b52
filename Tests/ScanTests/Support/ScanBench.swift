import Glibc
import JobModel

@testable import ContentStore

/// A working directory, a store and a stat cache of one test.
struct ScanBench {
    let work = TemporaryDirectory()
    let home = TemporaryDirectory()

    var root: RawPath { RawPath(work.path) }
    var storePath: RawPath { RawPath(home.absolute("store")) }
    var cache: StatCache { StatCache(directory: RawPath(home.absolute("statcache"))) }

    func store() throws -> ObjectStore { try ObjectStore(at: storePath) }

    @discardableResult
    func take(
        _ store: ObjectStore, width: Int = 2, _ change: (inout SnapshotOptions) -> Void = { _ in }
    ) throws -> SnapshotResult {
        var options = SnapshotOptions()
        options.width = width
        change(&options)
        return try Snapshot.take(root: root, store: store, cache: cache, options: options)
    }

    /// A scan that hashes everything and writes nothing.
    func dryRun(_ change: (inout SnapshotOptions) -> Void = { _ in }) throws -> SnapshotResult {
        var options = SnapshotOptions()
        change(&options)
        return try Snapshot.take(root: root, store: nil, cache: nil, options: options)
    }

    /// Scans until every status is old enough to be relied upon.
    func settle(_ store: ObjectStore) throws -> SnapshotResult {
        let deadline = time(nil) + 30
        while true {
            let result = try take(store)
            if result.cost.filesRead == 0 { return result }
            precondition(time(nil) < deadline, "statuses never settle")
        }
    }

    /// Every path of a tree that is whole in the store, with what it is.
    func contents(_ tree: TreeReference, in store: ObjectStore) throws -> [RawPath: Content] {
        var result: [RawPath: Content] = [:]
        func read(_ path: RawPath, _ content: Digest, _ metadata: Digest) throws {
            let directory = try store.directory(content, at: path)
            let times = try store.metadata(metadata, of: directory, at: path)
            for (entry, time) in zip(directory.entries, times.entries) {
                let child = path.appending(entry.name)
                switch (entry.node, time) {
                case (.file(let digest, let size, let isExecutable), _):
                    let bytes = try store.readBytes(of: digest, limit: 1 << 30)
                    precondition(
                        Int64(bytes.count) == size && ContentHasher.digest(of: bytes) == digest)
                    result[child] = .file(bytes, isExecutable: isExecutable)
                case (.symlink(let target), _): result[child] = .link(target)
                case (.directory(let digest, _), .directory(let metadata)):
                    result[child] = .directory
                    try read(child, digest, metadata)
                case (.directory, .modified): preconditionFailure("times do not fit")
                }
            }
        }
        try read(.root, tree.content, tree.metadata)
        return result
    }

    enum Content: Equatable {
        case file([UInt8], isExecutable: Bool)
        case link([UInt8])
        case directory
    }

    /// The paths of a tree, without looking for the files' content.
    func paths(_ result: SnapshotResult, in store: ObjectStore) throws -> [String] {
        try contents(result.tree, in: store).keys.map(\.description).sorted()
    }
}
