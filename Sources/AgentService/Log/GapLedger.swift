internal import CLinux
internal import Glibc
internal import JobModel

/// Counts the bytes of each stream that could not be kept, in `log/gaps`: a small file whose space
/// is allocated while there is some, and which is overwritten in place, so that a full disk does
/// not swallow the count of what it swallowed. Survives the death of whoever writes it.
///
/// Bytes are counted before they are dropped: a supervisor that is killed in between counts one
/// chunk too many, never one too few.
struct GapLedger: ~Copyable {
    /// What is known of one stream.
    struct Account: Hashable {
        /// Dropped and not yet told by a gap record.
        var pending: UInt64 = 0
        /// Dropped since the log began.
        var total: UInt64 = 0
        /// When the first pending byte was dropped, and why.
        var since = WallTime(milliseconds: 0)
        var errno: Int32 = 0

        static let byteCount = 32
    }

    static let name = "gaps"
    /// Far from where sums overflow, whatever the file says.
    private static let largest: UInt64 = 1 << 60
    private static let magic: [UInt8] = Array("SGAPS1\0\0".utf8)

    private let file: OwnedDescriptor
    private(set) var accounts: [Account]

    /// Opens the ledger in the directory of a log and allocates its space.
    init(in directory: borrowing OwnedDescriptor) throws(SystemError) {
        let file = try directory.open(Self.name, O_RDWR | O_CREAT)
        let bytes = try SmallFile.read(Self.name, in: directory, limit: 4096) ?? []
        let accounts = Self.decode(bytes) ?? LogStream.allCases.map { _ in Account() }
        if bytes.isEmpty {
            try SmallFile.overwrite(Self.encode(accounts), at: 0, in: file, Self.name)
        }
        self.file = file
        self.accounts = accounts
    }

    subscript(stream: LogStream) -> Account {
        get { accounts[Int(stream.rawValue) - 1] }
        set { accounts[Int(stream.rawValue) - 1] = newValue }
    }

    var hasPending: Bool { accounts.contains { $0.pending > 0 } }

    /// Counts bytes that are about to be dropped. A count that cannot be written is kept in memory:
    /// dropping goes on, since a job must not hang on the worst of disks.
    mutating func count(_ bytes: Int, of stream: LogStream, errno: Int32, at now: WallTime) {
        var account = self[stream]
        if account.pending == 0 {
            account.since = now
            account.errno = errno
        }
        account.pending += UInt64(bytes)
        account.total += UInt64(bytes)
        self[stream] = account
        // Memory has the count, and the next one that can be written holds it too.
        try? save()
    }

    /// Takes back what was counted and then not there to be dropped.
    mutating func correct(_ stream: LogStream, by bytes: Int) {
        self[stream].pending -= UInt64(bytes)
        self[stream].total -= UInt64(bytes)
        // Should this fail, the file tells of more loss than there was, never of less.
        try? save()
    }

    /// The gap records for all that is pending.
    func pendingGaps() -> [LogGap] {
        LogStream.allCases.compactMap { stream in
            let account = self[stream]
            guard account.pending > 0 else { return nil }
            return LogGap(
                stream: stream, droppedBytes: account.pending, errno: account.errno,
                since: account.since)
        }
    }

    /// Strikes out what a gap record of the log now tells.
    mutating func settle(_ gap: LogGap) {
        self[gap.stream].pending = 0
        // Should this fail, the gap is recognized at the end of the log by the next writer.
        try? save()
    }

    private func save() throws(SystemError) {
        try SmallFile.overwrite(Self.encode(accounts), at: 0, in: file, Self.name)
    }

    private static func encode(_ accounts: [Account]) -> [UInt8] {
        var bytes = magic
        for account in accounts {
            let errno = UInt64(UInt32(bitPattern: account.errno))
            let since = UInt64(bitPattern: account.since.milliseconds)
            for word in [account.pending, account.total, since, errno] {
                withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }

    private static func decode(_ bytes: [UInt8]) -> [Account]? {
        let length = magic.count + LogStream.allCases.count * Account.byteCount
        guard bytes.count >= length, bytes.starts(with: magic) else { return nil }
        return bytes.withUnsafeBytes { raw in
            LogStream.allCases.indices.map { index in
                func word(_ number: Int) -> UInt64 {
                    let offset = magic.count + index * Account.byteCount + number * 8
                    return UInt64(
                        littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                }
                return Account(
                    pending: min(word(0), largest), total: min(word(1), largest),
                    since: WallTime(milliseconds: Int64(bitPattern: word(2))),
                    errno: Int32(truncatingIfNeeded: word(3)))
            }
        }
    }
}
