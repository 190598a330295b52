internal import JobModel

/// The directory object, version 1. Integers are unsigned and big-endian. One directory has one
/// spelling: whatever decodes encodes to the same bytes, so its SHA-256 names its meaning.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 8 | `shuntdir` in ASCII |
/// | 8 | 1 | version: 1 |
/// | 9 | 4 | number of entries |
/// | 13 | … | the entries, strictly ascending by the bytes of their names |
///
/// An entry:
///
/// | bytes | meaning |
/// |---|---|
/// | 1 | kind: 1 file, 2 executable file, 3 directory, 4 symlink |
/// | 1 | length of the name, 1 … 255 |
/// | … | the name: no `/`, no NUL, neither `.` nor `..` |
/// | … | by kind, as below |
///
/// - file, executable file: algorithm byte (1 = SHA-256), 32 bytes of digest of the file's bytes,
///   8 bytes size (at most 2⁶³−1);
/// - directory: algorithm byte, 32 bytes of digest of its directory object, then over everything
///   beneath it 8 bytes count of files and symlinks, 8 bytes count of directories (itself not
///   counted), 8 bytes sum of the sizes of files;
/// - symlink: 2 bytes length of the target, 1 … 4,095, and the target without NUL.
///
/// Nothing follows the last entry. A directory object is an object like any other: it is stored
/// under its digest, and one of more than 1 MiB travels as files of that size do.
extension TreeDirectory {
    private static let magic: StaticString = "shuntdir"
    private static let version: UInt8 = 1
    private static let headerLength = 13
    /// The shortest entry, a symlink of one byte to one byte.
    private static let shortestEntry = 6

    private enum Kind {
        static let file: UInt8 = 1
        static let executable: UInt8 = 2
        static let directory: UInt8 = 3
        static let symlink: UInt8 = 4
    }

    /// The object's bytes; their SHA-256 is the directory's name.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(
            capacity: entries.reduce(Self.headerLength) { $0 + $1.name.count + 60 })
        writer.header(Self.magic, version: Self.version)
        writer.integer(UInt32(entries.count))
        for entry in entries {
            switch entry.node {
            case .file(let digest, let size, let isExecutable):
                writer.byte(isExecutable ? Kind.executable : Kind.file)
                writer.name(entry.name)
                writer.digest(digest)
                writer.magnitude(size)
            case .directory(let digest, let totals):
                writer.byte(Kind.directory)
                writer.name(entry.name)
                writer.digest(digest)
                writer.magnitude(totals.files)
                writer.magnitude(totals.directories)
                writer.magnitude(totals.bytes)
            case .symlink(let target):
                writer.byte(Kind.symlink)
                writer.name(entry.name)
                writer.integer(UInt16(target.count))
                writer.raw(target)
            }
        }
        return writer.bytes
    }

    /// Reads an object that may be hostile.
    ///
    /// - Parameter path: where the directory stands in its tree, for the error.
    /// - Throws: ``TreeError`` for anything but the one spelling.
    package init(decoding bytes: [UInt8], path: RawPath = .root) throws {
        self = try bytes.withUnsafeBytes { try Self(decoding: $0, path: path) }
    }

    /// Reads an object that may be hostile; see ``init(decoding:path:)-([UInt8],_)``.
    package init(decoding bytes: UnsafeRawBufferPointer, path: RawPath) throws {
        var reader = ByteReader(bytes)
        var entries: [TreeEntry] = []
        var totals = TreeTotals.zero
        do {
            try reader.header(Self.magic, version: Self.version)
            let count = Int(try reader.integer(UInt32.self))
            guard count <= reader.remaining / Self.shortestEntry else {
                throw TreeError.Problem.tooManyEntries
            }
            entries.reserveCapacity(count)
            for _ in 0..<count {
                let entry = try reader.entry()
                try TreeRules.check(entry, after: entries.last?.name)
                totals = try totals.adding(entry)
                entries.append(entry)
            }
            try reader.end()
        } catch let problem as TreeError.Problem {
            throw TreeError(path: path, problem: problem)
        } catch let error as TreeError {
            throw TreeError(path: path.appending(error.path.bytes), problem: error.problem)
        }
        self.init(unchecked: entries, totals: totals)
    }
}

extension ByteWriter {
    fileprivate mutating func name(_ name: [UInt8]) {
        byte(UInt8(name.count))
        raw(name)
    }
}

extension ByteReader {
    /// One entry; what its fields may hold is left to ``TreeRules``.
    fileprivate mutating func entry() throws(TreeError.Problem) -> TreeEntry {
        let kind = try byte()
        guard (1...4).contains(kind) else { throw .unknownKind(kind) }
        let name = try raw(Int(try byte()))
        switch kind {
        case 3:
            let digest = try digest()
            let totals = TreeTotals(
                files: try magnitude(), directories: try magnitude(), bytes: try magnitude())
            return TreeEntry(name: name, node: .directory(digest, totals))
        case 4:
            let length = Int(try integer(UInt16.self))
            return TreeEntry(name: name, node: .symlink(try raw(length)))
        default:
            let digest = try digest()
            let size = try magnitude()
            return TreeEntry(
                name: name, node: .file(digest, size: size, isExecutable: kind == 2))
        }
    }
}
