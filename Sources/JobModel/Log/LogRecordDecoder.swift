/// Turns a stream of bytes back into log records, however the stream was cut.
///
/// Holds at most one incomplete record beyond what ``append(_:)`` was last given. Its input comes
/// from a peer: nothing in it traps, and nothing it claims is allocated before it has arrived.
package struct LogRecordDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var position = 0

    package init() {}

    /// How many bytes were appended and are not yet part of a record that was returned.
    package var pendingCount: Int { buffer.count - position }

    /// Adds bytes of the log in their order; where they are cut does not matter.
    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if position > 0 {
            buffer.removeSubrange(..<position)
            position = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole record, or `nil` until more bytes are appended.
    ///
    /// - Throws: ``LogFormatError`` where no record stands; the decoder stays where it was, so that
    ///   every later call throws too.
    package mutating func next() throws(LogFormatError) -> LogRecord? {
        guard pendingCount >= LogRecordHeader.byteCount else { return nil }
        let start = position
        let outcome: Result<(LogRecord, Int)?, LogFormatError> = buffer.withUnsafeBytes { all in
            let rest = UnsafeRawBufferPointer(rebasing: all[start...])
            guard let header = LogRecordHeader(decoding: rest) else {
                return .failure(LogFormatError("what stands in the log is not a record"))
            }
            guard rest.count >= header.recordLength else { return .success(nil) }
            let body = rest[LogRecordHeader.byteCount..<header.recordLength]
            do throws(LogFormatError) {
                let record = try LogRecord(
                    header: header, body: UnsafeRawBufferPointer(rebasing: body))
                return .success((record, header.recordLength))
            } catch {
                return .failure(error)
            }
        }
        guard let (record, length) = try outcome.get() else { return nil }
        position += length
        return record
    }
}

extension LogRecordHeader {
    /// Length of the whole records that stand at the start of `bytes`; what follows them is an
    /// incomplete record or none at all.
    ///
    /// - Returns: the length, and whether the rest is damaged, not just incomplete.
    package static func wholeRecords(
        in bytes: UnsafeRawBufferPointer
    ) -> (length: Int, damaged: Bool) {
        var end = 0
        while bytes.count - end >= byteCount {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[end...])
            guard let header = LogRecordHeader(decoding: rest) else { return (end, true) }
            guard rest.count >= header.recordLength else { break }
            end += header.recordLength
        }
        return (end, false)
    }
}
