internal import CLinux
internal import Glibc
internal import JobModel

/// Puts the end of a log in order before it is written again.
///
/// A writer that was killed leaves at most one record cut short. Bytes of output that it has are
/// the only copy there is: they left the pipe when they came here, so the record's length is
/// corrected. Remains of a header are cut off. Where something stands that is no record at all (a
/// power cut), it stays for people to look at and the log goes on in a new segment.
enum LogRecovery {
    struct End: Hashable {
        var segmentStart: UInt64
        var offset: UInt64
        /// The last record, if it tells of a gap.
        var lastGap: LogGap?
    }

    static func run(in directory: borrowing OwnedDescriptor) throws(SystemError) -> End {
        guard let start = try LogSegments.list(in: directory).last else {
            return End(segmentStart: 0, offset: 0)
        }
        let name = LogSegments.name(startingAt: start)
        let file = try directory.open(name, O_RDWR)
        let size = try LogSegments.size(of: file, name)
        var scanner = SegmentScanner(try directory.open(name, O_RDONLY), name: name)
        var position: UInt64 = 0
        var lastGap: LogGap?
        while position < size {
            let found = try scanner.withBytes(
                at: position, count: LogRecordHeader.byteCount
            ) { LogRecordHeader(decoding: $0) }
            let left = size - position
            guard let header = found else {
                if left >= UInt64(LogRecordHeader.byteCount) {
                    return End(segmentStart: start + size, offset: start + size)
                }
                break
            }
            if left < UInt64(header.recordLength) {
                position += try shorten(header, to: left, at: position, in: file, name)
                lastGap = nil
                break
            }
            lastGap = try gap(header, at: position, &scanner)
            position += UInt64(header.recordLength)
        }
        let raw = file.raw
        try SystemError.check("truncate", name) { ftruncate(raw, off_t(position)) }
        return End(segmentStart: start, offset: start + position, lastGap: lastGap)
    }

    /// Corrects the header of a record of which only `left` bytes are there.
    ///
    /// - Returns: the length of what is left of it; 0 where nothing is.
    private static func shorten(
        _ header: LogRecordHeader, to left: UInt64, at position: UInt64,
        in file: borrowing OwnedDescriptor, _ name: String
    ) throws(SystemError) -> UInt64 {
        // Any other kind is written in one piece and is written again by whoever missed it.
        guard header.stream != nil, left > UInt64(LogRecordHeader.byteCount) else { return 0 }
        var shorter = header
        shorter.length = Int(left) - LogRecordHeader.byteCount
        try SmallFile.overwrite(shorter.encoded, at: position, in: file, name)
        return left
    }

    private static func gap(
        _ header: LogRecordHeader, at position: UInt64, _ scanner: inout SegmentScanner
    ) throws(SystemError) -> LogGap? {
        guard header.stream == nil else { return nil }
        return try scanner.withBytes(at: position, count: header.recordLength) { bytes in
            var decoder = LogRecordDecoder()
            decoder.append(bytes)
            // A damaged gap is no gap: what it should tell is still pending.
            guard case .gap(let gap) = (try? decoder.next())?.body else { return nil }
            return gap
        }
    }
}
