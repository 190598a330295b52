package import JobModel

/// When the entries of one ``TreeDirectory`` were last modified: one value per entry, in the
/// directory's order, without names. Linked like the directories themselves, so an edit makes new
/// metadata objects only on the path to what changed. It restores times at checkout and never
/// decides anything.
///
/// The metadata object, version 1. Integers are big-endian; seconds are signed.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 8 | `shuntmet` in ASCII |
/// | 8 | 1 | version: 1 |
/// | 9 | 12 | modification time of the directory: 8 bytes seconds since 1970, 4 nanoseconds |
/// | 21 | 4 | number of entries, equal to the directory's |
/// | 25 | … | per entry, in the directory's order, as below |
///
/// - file or symlink: byte 1, then 12 bytes of time as above;
/// - directory: byte 2, algorithm byte, 32 bytes of digest of its metadata object.
///
/// Nothing follows the last entry.
package struct TreeMetadata: Hashable, Sendable {
    /// Modification time of the directory itself.
    package var modified: FileTime
    /// One for each entry of the directory, in its order.
    package var entries: [Entry]

    package init(modified: FileTime, entries: [Entry]) {
        self.modified = modified
        self.entries = entries
    }

    /// What is known of one name of the directory.
    package enum Entry: Hashable, Sendable {
        /// A file's or symlink's modification time.
        case modified(FileTime)
        /// The metadata object of a directory.
        case directory(Digest)
    }
}

extension TreeMetadata {
    private static let magic: StaticString = "shuntmet"
    private static let version: UInt8 = 1
    private static let headerLength = 25
    private static let shortestEntry = 13

    /// The object's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.headerLength + entries.count * 34)
        writer.header(Self.magic, version: Self.version)
        writer.time(modified)
        writer.integer(UInt32(entries.count))
        for entry in entries {
            switch entry {
            case .modified(let time):
                writer.byte(1)
                writer.time(time)
            case .directory(let digest):
                writer.byte(2)
                writer.digest(digest)
            }
        }
        return writer.bytes
    }

    /// Reads an object that may be hostile.
    ///
    /// - Parameter path: the directory that it belongs to, for the error.
    /// - Throws: ``TreeError`` for anything but the one spelling.
    package init(decoding bytes: [UInt8], path: RawPath = .root) throws {
        self = try bytes.withUnsafeBytes { buffer in
            do throws(TreeError.Problem) {
                return try Self.decode(buffer)
            } catch {
                throw TreeError(path: path, problem: error)
            }
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer
    ) throws(TreeError.Problem) -> TreeMetadata {
        var reader = ByteReader(bytes)
        try reader.header(magic, version: version)
        let modified = try reader.time()
        let count = Int(try reader.integer(UInt32.self))
        guard count <= reader.remaining / shortestEntry else { throw .tooManyEntries }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let kind = try reader.byte()
            switch kind {
            case 1: entries.append(.modified(try reader.time()))
            case 2: entries.append(.directory(try reader.digest()))
            default: throw .unknownKind(kind)
            }
        }
        try reader.end()
        return TreeMetadata(modified: modified, entries: entries)
    }

    /// Whether this describes `directory`: as many entries, directories where it has directories.
    package func fits(_ directory: TreeDirectory) -> Bool {
        guard entries.count == directory.entries.count else { return false }
        return zip(entries, directory.entries).allSatisfy { own, entry in
            switch (own, entry.node) {
            case (.directory, .directory), (.modified, .file), (.modified, .symlink): true
            case (.directory, .file), (.directory, .symlink), (.modified, .directory): false
            }
        }
    }
}
