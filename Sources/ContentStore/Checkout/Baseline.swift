package import JobModel

/// What a checkout put into a directory, and how each file's status read afterwards: the base that
/// the directory is compared with when the job is over. A file whose status is still the same was
/// not changed and need not be read again.
///
/// Held as the bytes of its file, with an index of directories, so that 200,000 files cost one
/// array and not 200,000 objects. Immutable.
///
/// The file, version 1. Integers are big-endian.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 8 | `shuntbas` in ASCII |
/// | 8 | 1 | version: 1 |
/// | 9 | 33 | algorithm byte and digest of the tree's root directory object |
/// | 42 | 33 | the same of its metadata object |
/// | 75 | 8 | number of directories, the root included |
/// | 83 | … | the directories, ascending by path; the root's path is empty |
/// | end−32 | 32 | SHA-256 of everything before |
///
/// A directory: 4 bytes length of its path and the path, 4 bytes number of entries, and the
/// entries ascending by name: 1 byte kind (1 file, 2 executable file, 3 directory, 4 symlink),
/// 1 byte length of the name and the name, then by kind
///
/// - file: algorithm byte and digest, 8 bytes size, 1 byte that is 1 if the status that follows
///   proves the content (0: read the file again), 8 bytes device, 8 inode, 12 + 12 bytes time of
///   modification and of change (8 bytes seconds, 4 nanoseconds), 4 bytes mode;
/// - directory: nothing;
/// - symlink: 2 bytes length of the target, and the target.
package struct Baseline: Sendable {
    /// The tree that was checked out.
    package let tree: TreeReference
    private let bytes: [UInt8]
    /// Offset of each directory's count of entries.
    private let directories: [RawPath: Int]

    /// The directories' paths, in no particular order.
    var directoryPaths: some Collection<RawPath> { directories.keys }

    /// What one name of a directory stood for at checkout.
    package struct Entry: Hashable, Sendable {
        package var name: [UInt8]
        package var node: Node

        /// What must be the same for an entry to count as unchanged.
        package enum Node: Hashable, Sendable {
            /// `status` is `nil` where only the digest can tell whether it is the same.
            case file(Digest, size: Int64, isExecutable: Bool, status: FileStat?)
            case directory
            case symlink([UInt8])
        }
    }

    /// The entries of a directory, ascending by name; `nil` where there was no such directory.
    package func entries(of path: RawPath) -> [Entry]? {
        guard let offset = directories[path] else { return nil }
        return bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: buffer[offset...]))
            // The bytes were read through once when this value was made, so they decode.
            do throws(TreeError.Problem) {
                return try reader.baselineEntries()
            } catch {
                preconditionFailure("a baseline that was verified no longer decodes: \(error)")
            }
        }
    }

    /// The bytes of its file.
    package var encoded: [UInt8] { bytes }

    /// - Throws: ``TreeError`` for bytes that ``encoded`` did not give.
    package init(decoding bytes: [UInt8]) throws {
        do throws(TreeError.Problem) {
            (tree, directories) = try Self.index(bytes)
        } catch {
            throw TreeError(path: .root, problem: error)
        }
        self.bytes = bytes
    }

    private static func index(
        _ bytes: [UInt8]
    ) throws(TreeError.Problem) -> (TreeReference, [RawPath: Int]) {
        guard bytes.count > Digest.byteCount else { throw .truncated }
        let body = bytes.count - Digest.byteCount
        let outcome = bytes.withUnsafeBytes { buffer in
            Result { () throws(TreeError.Problem) in
                let content = UnsafeRawBufferPointer(rebasing: buffer[..<body])
                guard ContentHasher.digest(of: content) == Digest(bytes: bytes[body...]) else {
                    throw .truncated
                }
                var reader = ByteReader(content)
                try reader.header(Self.magic, version: Self.version)
                let tree = TreeReference(
                    content: try reader.digest(), metadata: try reader.digest())
                let count = try reader.magnitude()
                var directories: [RawPath: Int] = [:]
                for _ in 0..<count {
                    let path = RawPath(try reader.raw(Int(try reader.integer(UInt32.self))))
                    directories[path] = reader.position
                    _ = try reader.baselineEntries()
                }
                try reader.end()
                return (tree, directories)
            }
        }
        return try outcome.get()
    }

    private static let magic: StaticString = "shuntbas"
    private static let version: UInt8 = 1

    /// One directory on its way into a baseline.
    struct Part: Sendable {
        var path: RawPath
        /// Count and entries as in the file.
        var encodedEntries: [UInt8]

        init(path: RawPath, entries: [Entry]) {
            self.path = path
            var writer = ByteWriter(capacity: entries.reduce(4) { $0 + $1.name.count + 100 })
            writer.integer(UInt32(entries.count))
            for entry in entries { writer.baselineEntry(entry) }
            encodedEntries = writer.bytes
        }
    }

    /// - Parameter parts: each directory once, in any order.
    init(tree: TreeReference, parts: [Part]) {
        var writer = ByteWriter(
            capacity: parts.reduce(200) { $0 + $1.path.bytes.count + 8 + $1.encodedEntries.count })
        writer.header(Self.magic, version: Self.version)
        writer.digest(tree.content)
        writer.digest(tree.metadata)
        writer.magnitude(Int64(parts.count))
        var directories: [RawPath: Int] = [:]
        directories.reserveCapacity(parts.count)
        for part in parts.sorted(by: { $0.path < $1.path }) {
            writer.integer(UInt32(part.path.bytes.count))
            writer.raw(part.path.bytes)
            directories[part.path] = writer.bytes.count
            writer.raw(part.encodedEntries)
        }
        writer.raw(ContentHasher.digest(of: writer.bytes).bytes)
        self.tree = tree
        self.directories = directories
        bytes = writer.bytes
    }
}

extension ByteReader {
    fileprivate mutating func baselineEntries() throws(TreeError.Problem) -> [Baseline.Entry] {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining / 3 else { throw .tooManyEntries }
        var entries: [Baseline.Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let kind = try byte()
            let name = try raw(Int(try byte()))
            entries.append(Baseline.Entry(name: name, node: try baselineNode(kind)))
        }
        return entries
    }

    private mutating func baselineNode(
        _ kind: UInt8
    ) throws(TreeError.Problem) -> Baseline.Entry.Node {
        switch kind {
        case 1, 2:
            let digest = try digest()
            let size = try magnitude()
            let isProof = try byte() == 1
            let status = FileStat(
                device: try integer(UInt64.self), inode: try integer(UInt64.self), size: size,
                modified: try time(), changed: try time(), mode: try integer(UInt32.self))
            return .file(
                digest, size: size, isExecutable: kind == 2, status: isProof ? status : nil)
        case 3: return .directory
        case 4: return .symlink(try raw(Int(try integer(UInt16.self))))
        default: throw .unknownKind(kind)
        }
    }
}

extension ByteWriter {
    fileprivate mutating func baselineEntry(_ entry: Baseline.Entry) {
        let kind: UInt8 =
            switch entry.node {
            case .file(_, _, let isExecutable, _): isExecutable ? 2 : 1
            case .directory: 3
            case .symlink: 4
            }
        byte(kind)
        byte(UInt8(entry.name.count))
        raw(entry.name)
        switch entry.node {
        case .directory: break
        case .symlink(let target):
            integer(UInt16(target.count))
            raw(target)
        case .file(let digest, let size, _, let status):
            self.digest(digest)
            magnitude(size)
            byte(status == nil ? 0 : 1)
            integer(status?.device ?? 0)
            integer(status?.inode ?? 0)
            time(status?.modified ?? FileTime(seconds: 0, nanoseconds: 0))
            time(status?.changed ?? FileTime(seconds: 0, nanoseconds: 0))
            integer(status?.mode ?? 0)
        }
    }
}
