internal import Glibc
package import JobModel

/// Part of a log: whole encoded records, ready for ``JobModel/LogRecordDecoder``.
package struct LogChunk: Hashable, Sendable {
    /// Logical offset of the first byte. Above what was asked for where the log begins later or a
    /// part of it is damaged: what lies between cannot be had.
    package var start: UInt64
    package var bytes: [UInt8]

    /// Where to go on.
    package var end: UInt64 { start + UInt64(bytes.count) }
}

/// Reads the log of a task, also while it is being written. Holds nothing between calls; any number
/// may read at once, and none of them slows the writer.
package struct LogReader: Hashable, Sendable {
    package let path: String

    /// - Parameter path: ``TaskDirectory/logPath``; need not exist yet.
    package init(_ path: String) { self.path = path }

    /// Reads whole records from an offset on.
    ///
    /// - Parameters:
    ///   - offset: 0, an offset that an earlier chunk ended at, or ``LogTail/offset``.
    ///   - limit: bytes, at least ``JobModel/LogRecordHeader/largestRecord``; less is taken as
    ///     that.
    /// - Returns: an empty chunk where nothing whole stands there yet.
    /// - Throws: ``ShuntError`` from the file system, or where no record starts at the offset.
    package func read(from offset: UInt64, limit: Int) throws(ShuntError) -> LogChunk {
        try reporting { () throws(SystemError) in
            guard let directory = try openIfPresent() else {
                return LogChunk(start: offset, bytes: [])
            }
            let starts = try LogSegments.list(in: directory)
            guard let first = starts.first else { return LogChunk(start: offset, bytes: []) }
            var position = max(offset, first)
            while true {
                // The last segment that starts at or before the position.
                let index = starts.lastIndex { $0 <= position } ?? 0
                let chunk = try read(
                    segment: starts[index], at: position, in: directory,
                    limit: max(limit, LogRecordHeader.largestRecord),
                    isLast: index == starts.count - 1)
                if !chunk.isEmpty || index == starts.count - 1 {
                    return LogChunk(start: position, bytes: chunk)
                }
                position = starts[index + 1]
            }
        }
    }

    /// The offsets between which records can be read: the first one kept, and the end of the last
    /// whole one.
    package func bounds() throws(ShuntError) -> Range<UInt64> {
        try reporting { () throws(SystemError) in
            guard let directory = try openIfPresent() else { return 0..<0 }
            let starts = try LogSegments.list(in: directory)
            guard let first = starts.first, let last = starts.last else { return 0..<0 }
            var scanner = try LogReader.scanner(ofSegmentAt: last, in: directory)
            let end = try scanner.forEachRecord { _, _, _ in }
            return first..<(last + end)
        }
    }

    private func read(
        segment start: UInt64, at position: UInt64, in directory: borrowing OwnedDescriptor,
        limit: Int, isLast: Bool
    ) throws(SystemError) -> [UInt8] {
        let name = LogSegments.name(startingAt: start)
        let file = try directory.open(name, O_RDONLY)
        let size = try LogSegments.size(of: file, name)
        guard position - start < size else { return [] }
        let count = min(limit, Int(size - (position - start)))
        let raw = file.raw
        var failure: SystemError?
        var damaged = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            do throws(SystemError) {
                let target = UnsafeMutableRawBufferPointer(buffer)
                let got = try SystemError.check("read", name) {
                    pread(raw, target.baseAddress!, count, off_t(position - start))
                }
                let whole = LogRecordHeader.wholeRecords(
                    in: UnsafeRawBufferPointer(rebasing: target[..<got]))
                used = whole.length
                damaged = whole.damaged
            } catch {
                failure = error
                used = 0
            }
        }
        if let failure { throw failure }
        // Damage in an earlier segment was left there by a recovery, which went on in the next
        // one; in the last it can be a header that is being corrected at this moment.
        if damaged, bytes.isEmpty, isLast {
            throw SystemError(call: "find a record in", subject: name, errno: EBADMSG)
        }
        return bytes
    }

    func openIfPresent() throws(SystemError) -> OwnedDescriptor? {
        do throws(SystemError) {
            return try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }

    static func scanner(
        ofSegmentAt start: UInt64, in directory: borrowing OwnedDescriptor
    ) throws(SystemError) -> SegmentScanner {
        let name = LogSegments.name(startingAt: start)
        return SegmentScanner(try directory.open(name, O_RDONLY), name: name)
    }

    func reporting<Result>(
        _ body: () throws(SystemError) -> Result
    ) throws(ShuntError) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            throw ShuntError(error, in: path)
        }
    }
}

extension SegmentScanner {
    /// Visits every whole record of the segment in order: its position, its header, its body.
    ///
    /// - Returns: where the last one ends.
    mutating func forEachRecord(
        _ visit: (UInt64, LogRecordHeader, UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) -> UInt64 {
        let size = try size()
        var position: UInt64 = 0
        while position < size {
            let found = try withBytes(at: position, count: LogRecordHeader.byteCount) {
                LogRecordHeader(decoding: $0)
            }
            guard let header = found, position + UInt64(header.recordLength) <= size else { break }
            let bodyStart = position + UInt64(LogRecordHeader.byteCount)
            try withBytes(at: bodyStart, count: header.length) { visit(position, header, $0) }
            position += UInt64(header.recordLength)
        }
        return position
    }
}
