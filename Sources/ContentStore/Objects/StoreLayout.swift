internal import Glibc
internal import JobModel

/// The folders and the version file of an ``ObjectStore``: creates what is missing, in an order in
/// which the version file comes last, and refuses what a newer program made.
struct StoreLayout: ~Copyable {
    let objects: Descriptor
    let temporary: Descriptor
    let publishLock: Descriptor

    /// The format: names of objects, the shard folders, sessions and the publish lock.
    static let version = 1
    private static let versionPrefix = "shunt content store "

    static func open(_ path: RawPath, sync: DiskSync) throws -> StoreLayout {
        try makeDirectories(path)
        let root = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
        if try !checkVersion(root, path) { try create(in: root, path, sync: sync) }
        // Also where somebody has removed them since: an empty store is as good as a new one.
        try makeFolders(in: root, path)
        return StoreLayout(
            objects: try root.open(
                Array("objects".utf8), O_RDONLY | O_DIRECTORY, shownAs: path.appending("objects")),
            temporary: try root.open(
                Array("temporary".utf8), O_RDONLY | O_DIRECTORY,
                shownAs: path.appending("temporary")),
            publishLock: try root.open(
                Array("publish.lock".utf8), O_RDWR | O_CREAT, mode: 0o600,
                shownAs: path.appending("publish.lock")))
    }

    /// - Returns: whether there is a version file; it is then this program's version.
    private static func checkVersion(_ root: borrowing Descriptor, _ path: RawPath) throws -> Bool {
        let shown = path.appending("version")
        guard try root.status(of: Array("version".utf8), shownAs: shown) != nil else {
            return false
        }
        let file = try root.open(Array("version".utf8), O_RDONLY, shownAs: shown)
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, shownAs: shown) }
        let text = String(decoding: buffer.prefix(count), as: UTF8.self)
        guard text.hasPrefix(versionPrefix), text.hasSuffix("\n"),
            let found = Int(text.dropFirst(versionPrefix.count).dropLast())
        else {
            throw ShuntError(
                .refused, "`\(shown)` does not say which format the store has",
                hint: "mv \(shellQuoted(path)) \(shellQuoted(path)).damaged")
        }
        guard found == version else {
            throw ShuntError(
                .refused,
                "the store `\(path)` was written by another release of Shunt "
                    + "(format \(found), this release knows \(version))",
                hint: "SHUNT_HOME=/var/tmp/shunt-other shunt ps")
        }
        return true
    }

    private static func create(
        in root: borrowing Descriptor, _ path: RawPath, sync: DiskSync
    ) throws {
        try makeFolders(in: root, path)
        let name = Array("version.\(UInt64.random(in: .min ... .max))".utf8)
        let shown = path.appending("version")
        do {
            let file = try root.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644, shownAs: shown)
            try Array("\(versionPrefix)\(version)\n".utf8).withUnsafeBytes {
                try file.write($0, shownAs: shown)
            }
            try synced(sync.file(file.number), shown)
        }
        try withTerminated(name) { from throws(SystemError) in
            _ = try checked("create", shown) { renameat(root.number, from, root.number, "version") }
        }
        try synced(sync.file(root.number), shown)
    }

    private static func makeFolders(in root: borrowing Descriptor, _ path: RawPath) throws {
        for name in ["objects", "temporary"] {
            try makeIfMissing(Array(name.utf8), in: root, shown: path.appending(name))
        }
    }

    private static func synced(_ code: Int32, _ path: RawPath) throws(SystemError) {
        if code != 0 { throw SystemError(operation: "sync", path: path, code: code) }
    }

    private static func makeIfMissing(
        _ name: [UInt8], in directory: borrowing Descriptor, shown: RawPath
    ) throws(SystemError) {
        do {
            try directory.makeDirectory(name, mode: 0o700, shownAs: shown)
        } catch  where error.code == EEXIST {
            return
        }
    }

    /// `mkdir -p` with mode 0700 for what is made.
    private static func makeDirectories(_ path: RawPath) throws(SystemError) {
        do {
            try path.withCString { text throws(SystemError) in
                _ = try checked("create", path) { mkdir(text, 0o700) }
            }
        } catch {
            switch error.code {
            case EEXIST: return
            case ENOENT where !path.parent.isEmpty && path.parent != path:
                try makeDirectories(path.parent)
                try makeDirectories(path)
            default: throw error
            }
        }
    }
}
