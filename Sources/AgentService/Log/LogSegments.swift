internal import CLinux
internal import Glibc
internal import JobModel

/// The files that a log lies in: `log/` holds segments named by the logical offset of their first
/// byte, twenty decimal digits and `.log`. Offsets count every byte of every segment and never
/// restart, whatever is deleted at the front.
enum LogSegments {
    static let directoryName = "log"

    static func name(startingAt offset: UInt64) -> String {
        let digits = String(offset)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".log"
    }

    static func offset(ofName name: String) -> UInt64? {
        guard name.utf8.count == 24, name.hasSuffix(".log") else { return nil }
        let digits = name.dropLast(4)
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt64(digits)
    }

    /// The offsets at which segments start, ascending. What is not named like a segment is left
    /// alone.
    static func list(in directory: borrowing OwnedDescriptor) throws(SystemError) -> [UInt64] {
        try directory.names().compactMap(offset(ofName:)).sorted()
    }

    static func size(
        of file: borrowing OwnedDescriptor, _ name: String
    ) throws(SystemError) -> UInt64 {
        var status = stat()
        let raw = file.raw
        try SystemError.check("stat", name) { fstat(raw, &status) }
        return UInt64(max(0, status.st_size))
    }
}

/// Reads ahead through one segment, for scans that look at headers and, if they want, bodies.
struct SegmentScanner: ~Copyable {
    private let file: OwnedDescriptor
    private let name: String
    private var buffer: [UInt8]
    private var bufferStart: UInt64 = 0
    private var bufferCount = 0

    /// At least one whole record.
    private static let bufferSize = 2 * LogRecordHeader.largestRecord

    init(_ file: consuming OwnedDescriptor, name: String) {
        self.file = file
        self.name = name
        buffer = [UInt8](repeating: 0, count: Self.bufferSize)
    }

    func size() throws(SystemError) -> UInt64 { try LogSegments.size(of: file, name) }

    /// Calls `body` with up to `count` bytes at `offset`; fewer only at the end of the file.
    mutating func withBytes<Result>(
        at offset: UInt64, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(SystemError) -> Result {
        precondition(count <= Self.bufferSize, "a scan looks at one record at a time")
        let wanted = offset + UInt64(count)
        if offset < bufferStart || wanted > bufferStart + UInt64(bufferCount) {
            try fill(from: offset)
        }
        let start = Int(offset - bufferStart)
        let length = max(0, min(count, bufferCount - start))
        return buffer.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[min(start, bufferCount)..<(start + length)]))
        }
    }

    private mutating func fill(from offset: UInt64) throws(SystemError) {
        bufferStart = offset
        bufferCount = 0
        let raw = file.raw
        while bufferCount < Self.bufferSize {
            let at = bufferCount
            let count = try SystemError.check("read", name) {
                buffer.withUnsafeMutableBytes {
                    pread(
                        raw, $0.baseAddress! + at, Self.bufferSize - at, off_t(offset) + off_t(at))
                }
            }
            if count == 0 { break }
            bufferCount += count
        }
    }
}
