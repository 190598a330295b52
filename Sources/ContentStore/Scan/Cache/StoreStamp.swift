internal import Glibc
internal import JobModel

/// Tells whether a store still has what it had: the stat cache keeps the stamp of the store that
/// its objects went into, and while the stamp is the same, none of them has to be looked for.
///
/// A stamp covers the store's identity (device, inode and modification time of its `version` file,
/// which is written once, and the inode of `objects`) and the content of its file `generation`,
/// which is absent until the first collection. **The contract:** whoever deletes an object from a
/// store first writes a new value to `DIRECTORY/generation`, atomically and durably. A store that
/// was wiped or made anew has another identity.
enum StoreStamp {
    private static let generationLimit = 64

    /// - Returns: `nil` where something of it cannot be read: then nothing is known.
    static func read(_ store: ObjectStore) throws -> Digest? {
        var writer = ByteWriter(capacity: 128)
        for name in ["version", "objects"] {
            guard let status = try status(store.directory.appending(name)) else { return nil }
            writer.integer(status.device)
            writer.integer(status.inode)
            if name == "version" { writer.time(status.modified) }
        }
        guard let generation = try generation(store.directory.appending("generation")) else {
            return nil
        }
        writer.raw(generation)
        return ContentHasher.digest(of: writer.bytes)
    }

    private static func status(_ path: RawPath) throws -> FileStat? {
        var result = stat()
        guard path.withCString({ lstat($0, &result) }) == 0 else { return nil }
        return FileStat(result)
    }

    /// - Returns: the value, empty where there is no file; `nil` where it is no value.
    private static func generation(_ path: RawPath) throws -> [UInt8]? {
        do {
            let file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
            var buffer = [UInt8](repeating: 0, count: generationLimit + 1)
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, shownAs: path) }
            return count <= generationLimit ? Array(buffer[..<count]) : nil
        } catch let error as SystemError {
            return error.code == ENOENT ? [] : nil
        }
    }
}
