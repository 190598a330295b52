internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel
internal import Wire

/// The durable memory of an agent: records appended to one file, synced once for each turn.
///
/// ```
/// "SHUNTJNL" | u32 format = 1 | records…
/// record:      u32 length | u32 CRC-32C of the payload | payload        (little-endian)
/// ```
///
/// A torn record at the end is what a power cut leaves: it was never acknowledged and is cut off. A
/// damaged record before the end is not: the file is moved aside, never deleted, and the agent does
/// not start. The file is rewritten from the live state when it is opened and whenever it has grown
/// well beyond that. Used by one thread at a time.
final class Journal {
    private static let magic = Array("SHUNTJNL".utf8) + [1, 0, 0, 0]
    /// Beyond this, and four times what is live, the journal is rewritten.
    private static let compactionFloor: Int64 = 4 << 20
    private static let recordLimit = 16 << 20

    private let path: String
    private let directory: String
    private var descriptor: Int32
    private var length: Int64
    private var liveLength: Int64
    /// Set by the first failed write: what it covered must not be assumed.
    private var isPoisoned = false

    /// Reads the journal in `directory`, creating it where there is none.
    ///
    /// - Throws: ``ShuntError`` for a newer format, damage, or a failing disk.
    static func open(in directory: String) throws -> (Journal, [AgentRecord]) {
        let path = directory + "/journal"
        let descriptor = shunt_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        let bytes = try readAll(descriptor, path)
        if bytes.isEmpty {
            let journal = Journal(
                path: path, directory: directory, descriptor: descriptor, length: 0)
            try journal.rewrite([])
            return (journal, [])
        }
        let (records, valid) = try parse(bytes, path)
        if valid < bytes.count {
            guard ftruncate(descriptor, off_t(valid)) == 0, fdatasync(descriptor) == 0 else {
                throw failure("truncate", path)
            }
        }
        guard lseek(descriptor, off_t(valid), SEEK_SET) >= 0 else { throw failure("seek", path) }
        return (
            Journal(
                path: path, directory: directory, descriptor: descriptor, length: Int64(valid)),
            records
        )
    }

    private init(path: String, directory: String, descriptor: Int32, length: Int64) {
        self.path = path
        self.directory = directory
        self.descriptor = descriptor
        self.length = length
        liveLength = length
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Appends records and syncs them; when this returns they survive a power cut.
    func append(_ records: [AgentRecord]) throws {
        precondition(!isPoisoned, "a journal that failed to write is not written again")
        let bytes = records.flatMap { Self.framed(RecordCoding.encode($0)) }
        isPoisoned = true
        try Self.writeAll(descriptor, bytes, path)
        guard fdatasync(descriptor) == 0 else { throw Self.failure("sync", path) }
        isPoisoned = false
        length += Int64(bytes.count)
    }

    /// Whether ``rewrite(_:)`` is worth its sync.
    var wantsCompaction: Bool { length > max(Self.compactionFloor, liveLength * 4) }

    /// Replaces the journal by the shortest one that folds to the same state, atomically.
    func rewrite(_ records: [AgentRecord]) throws {
        let temporary = path + ".new"
        let fresh = shunt_open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fresh >= 0 else { throw Self.failure("open", temporary) }
        let bytes = Self.magic + records.flatMap { Self.framed(RecordCoding.encode($0)) }
        do {
            try Self.writeAll(fresh, bytes, temporary)
            guard fsync(fresh) == 0 else { throw Self.failure("sync", temporary) }
            guard rename(temporary, path) == 0 else { throw Self.failure("rename", temporary) }
            try Self.syncDirectory(directory)
        } catch {
            _ = Glibc.close(fresh)
            throw error
        }
        _ = Glibc.close(descriptor)
        descriptor = fresh
        length = Int64(bytes.count)
        liveLength = length
    }
}

extension Journal {
    private static func framed(_ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 8)
        withUnsafeBytes(of: UInt32(payload.count).littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: CRC32C.checksum(payload).littleEndian) {
            bytes.append(contentsOf: $0)
        }
        return bytes + payload
    }

    /// - Returns: the records, and how many bytes of the file hold whole ones.
    private static func parse(
        _ bytes: [UInt8], _ path: String
    ) throws -> (records: [AgentRecord], valid: Int) {
        guard bytes.count >= magic.count, Array(bytes[..<8]) == Array(magic[..<8]) else {
            throw ShuntError(
                .failed, "`\(path)` is no journal of an agent",
                hint: "mv \(path) \(path).damaged")
        }
        guard Array(bytes[8..<12]) == Array(magic[8..<12]) else {
            throw ShuntError(
                .refused, "`\(path)` was written by a newer release of Shunt",
                hint: "shunt --version")
        }
        var position = magic.count
        var records: [AgentRecord] = []
        while bytes.count - position >= 8 {
            let size = Int(word(bytes, position))
            let end = position + 8 + size
            guard size <= recordLimit, end <= bytes.count else { break }
            let payload = Array(bytes[position + 8..<end])
            guard CRC32C.checksum(payload) == word(bytes, position + 4) else {
                if end == bytes.count { break }
                throw ShuntError(
                    .failed, "`\(path)` is damaged at byte \(position)",
                    hint: "mv \(path) \(path).damaged")
            }
            do {
                records.append(try RecordCoding.decode(AgentRecord.self, from: payload))
            } catch {
                throw ShuntError(
                    .refused, "`\(path)` cannot be read: \(error)",
                    hint: "shunt --version")
            }
            position = end
        }
        return (records, position)
    }

    private static func word(_ bytes: [UInt8], _ position: Int) -> UInt32 {
        (0..<4).reversed().reduce(0) { $0 << 8 | UInt32(bytes[position + $1]) }
    }

    private static func readAll(_ descriptor: Int32, _ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8], _ path: String) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            written += count
        }
    }

    static func syncDirectory(_ path: String) throws {
        let descriptor = shunt_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", path) }
    }

    private static func failure(_ action: String, _ path: String) -> ShuntError {
        let code = errno
        return ShuntError(
            .failed, "cannot \(action) `\(path)`: \(String(cString: strerror(code)))",
            hint: code == ENOSPC || code == EDQUOT ? "df -h \(path)" : "ls -ld \(path)")
    }
}

/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
        }
    }

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xff)] }
    }
}
