/// One entry of a task's log: what a stream carried at a moment, or what of it was lost.
///
/// The same bytes lie in the worker's segments, travel over the wire and reach the CLI, so that
/// nobody in between parses more than headers. All integers are little-endian:
/// ```
///  0  magic 0xA7        1  kind       2  check (UInt16, over the other 14 bytes)
///  4  length (UInt32)   8  wall time in milliseconds (Int64)      16  `length` bytes
/// ```
/// The check finds a header where there is none (a torn tail, an offset that is not a record's);
/// the body has no check of its own, since it goes from pipe to file without passing through the
/// process that logs it.
package struct LogRecord: Hashable, Sendable {
    package var wall: WallTime
    package var body: Body

    package init(wall: WallTime, body: Body) {
        self.wall = wall
        self.body = body
    }

    /// What the record tells.
    package enum Body: Hashable, Sendable {
        /// What the command wrote, 1 … 262,144 bytes; borders of records mean nothing.
        case output(LogStream, [UInt8])
        /// What the command wrote and the worker could not keep.
        case gap(LogGap)
        /// A kind of a later release, to be skipped.
        case unknown(kind: UInt8, bytes: [UInt8])
    }
}

/// The two streams of a command, named by their descriptors.
package enum LogStream: UInt8, Sendable, CaseIterable {
    case standardOutput = 1
    case standardError = 2
}

/// Bytes that were read from a command and dropped: a full disk, a quota, a failing device.
package struct LogGap: Hashable, Sendable {
    package var stream: LogStream
    package var droppedBytes: UInt64
    /// Why the first of them could not be written.
    package var errno: Int32
    /// When the first of them was dropped.
    package var since: WallTime

    package init(stream: LogStream, droppedBytes: UInt64, errno: Int32, since: WallTime) {
        self.stream = stream
        self.droppedBytes = droppedBytes
        self.errno = errno
        self.since = LogRecordHeader.clamp(since)
    }
}

/// Bytes that are not a sequence of log records.
package struct LogFormatError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// The sixteen bytes in front of every record.
package struct LogRecordHeader: Hashable, Sendable {
    package static let byteCount = 16
    /// The largest body that is written or accepted.
    package static let largestBody = 256 << 10
    /// A buffer of this size holds any record.
    package static let largestRecord = byteCount + largestBody

    /// Some 35,000 years to either side of 1970. A time beyond comes from no clock, and would
    /// overflow what is computed from it.
    static let times: ClosedRange<Int64> = -(1 << 50)...(1 << 50)

    static let magic: UInt8 = 0xA7
    /// Output has its stream's number as kind.
    static let gapKind: UInt8 = 3

    package var kind: UInt8
    /// Length of the body, 0 … ``largestBody``.
    package var length: Int
    package var wall: WallTime

    package init(stream: LogStream, length: Int, wall: WallTime) {
        self.init(kind: stream.rawValue, length: length, wall: wall)
    }

    init(kind: UInt8, length: Int, wall: WallTime) {
        precondition((0...Self.largestBody).contains(length), "a record's body is bounded")
        self.kind = kind
        self.length = length
        self.wall = Self.clamp(wall)
    }

    static func clamp(_ time: WallTime) -> WallTime {
        WallTime(milliseconds: min(max(time.milliseconds, times.lowerBound), times.upperBound))
    }

    package var recordLength: Int { Self.byteCount + length }

    /// The stream whose output follows; `nil` for any other kind.
    package var stream: LogStream? { LogStream(rawValue: kind) }

    /// - Parameter bytes: at least sixteen; the rest is left alone.
    /// - Returns: `nil` where no header stands.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount, bytes[0] == Self.magic else { return nil }
        let check = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        guard check == Self.check(bytes) else { return nil }
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard length <= UInt32(Self.largestBody) else { return nil }
        let time = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
        guard Self.times.contains(time) else { return nil }
        self.kind = bytes[1]
        self.length = Int(length)
        self.wall = WallTime(milliseconds: time)
    }

    /// The sixteen bytes.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.magic, kind, 0, 0]
        bytes.reserveCapacity(Self.byteCount)
        bytes.append(littleEndian: UInt32(length))
        bytes.append(littleEndian: wall.milliseconds)
        let check = bytes.withUnsafeBytes { Self.check($0) }
        bytes[2] = UInt8(truncatingIfNeeded: check)
        bytes[3] = UInt8(truncatingIfNeeded: check >> 8)
        return bytes
    }

    /// CRC-16/CCITT (polynomial 0x1021, all ones first) over the header without the check itself.
    private static func check(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        var remainder: UInt16 = 0xFFFF
        for index in 0..<byteCount where index != 2 && index != 3 {
            remainder ^= UInt16(bytes[index]) << 8
            for _ in 0..<8 {
                remainder = remainder & 0x8000 != 0 ? remainder << 1 ^ 0x1021 : remainder << 1
            }
        }
        return remainder
    }
}

extension LogRecord {
    /// The record as it is stored and sent.
    package var encoded: [UInt8] {
        switch body {
        case .output(let stream, let bytes):
            return LogRecordHeader(stream: stream, length: bytes.count, wall: wall).encoded + bytes
        case .unknown(let kind, let bytes):
            return LogRecordHeader(kind: kind, length: bytes.count, wall: wall).encoded + bytes
        case .gap(let gap):
            let body = gap.encoded
            let header = LogRecordHeader(
                kind: LogRecordHeader.gapKind, length: body.count, wall: wall)
            return header.encoded + body
        }
    }

    /// - Throws: ``LogFormatError`` for a gap whose body is not one.
    init(header: LogRecordHeader, body bytes: UnsafeRawBufferPointer) throws(LogFormatError) {
        wall = header.wall
        if let stream = header.stream {
            body = .output(stream, Array(bytes))
        } else if header.kind == LogRecordHeader.gapKind {
            guard let gap = LogGap(decoding: bytes) else {
                throw LogFormatError("a gap record of the log is damaged")
            }
            body = .gap(gap)
        } else {
            body = .unknown(kind: header.kind, bytes: Array(bytes))
        }
    }
}

extension LogGap {
    /// stream (UInt32), errno (Int32), dropped bytes (UInt64), since (Int64): 24 bytes. A later
    /// release may append to them.
    fileprivate static let byteCount = 24

    fileprivate var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(stream.rawValue))
        bytes.append(littleEndian: errno)
        bytes.append(littleEndian: droppedBytes)
        bytes.append(littleEndian: since.milliseconds)
        return bytes
    }

    fileprivate init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount else { return nil }
        let number = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        guard let stream = UInt8(exactly: number).flatMap(LogStream.init(rawValue:)) else {
            return nil
        }
        self.stream = stream
        errno = Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: Int32.self))
        droppedBytes = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let time = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: Int64.self))
        guard LogRecordHeader.times.contains(time) else { return nil }
        since = WallTime(milliseconds: time)
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
