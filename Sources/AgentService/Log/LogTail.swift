internal import Glibc
package import JobModel

/// Where the last lines of a log begin.
package struct LogTail: Hashable, Sendable {
    /// Of a record, to be read from.
    package var offset: UInt64
    /// How many bytes of that record's body belong to earlier lines.
    package var skip: Int

    package init(offset: UInt64, skip: Int) {
        self.offset = offset
        self.skip = skip
    }
}

extension LogReader {
    /// Finds where the last lines begin, as `tail -n` counts them: what follows the last newline
    /// is a line too, if it is not empty. With several streams, their lines are counted together
    /// as they arrived.
    ///
    /// Reads the log from its end, segment by segment, twice at most; holds one record in memory.
    ///
    /// - Parameters:
    ///   - lines: 0 or more.
    ///   - streams: whose lines count; records of others are passed over.
    /// - Returns: the end of the log for 0 lines, its beginning where it has fewer.
    package func tail(
        lines: Int, streams: Set<LogStream> = Set(LogStream.allCases)
    ) throws(ShuntError) -> LogTail {
        try reporting { () throws(SystemError) in
            guard let directory = try openIfPresent() else { return LogTail(offset: 0, skip: 0) }
            let starts = try LogSegments.list(in: directory)
            guard let first = starts.first, let last = starts.last else {
                return LogTail(offset: 0, skip: 0)
            }
            if lines <= 0 {
                var scanner = try LogReader.scanner(ofSegmentAt: last, in: directory)
                return LogTail(offset: last + (try scanner.forEachRecord { _, _, _ in }), skip: 0)
            }
            // The newline that ends the last line does not begin another.
            var wanted = lines + 1
            var isAtEnd = true
            for start in starts.reversed() {
                var scanner = try LogReader.scanner(ofSegmentAt: start, in: directory)
                let count = try LineCount(&scanner, streams)
                if isAtEnd, count.hasOutput {
                    isAtEnd = false
                    if !count.endsInNewline { wanted -= 1 }
                }
                if count.newlines >= wanted {
                    return try Self.position(
                        afterNewline: count.newlines - wanted, &scanner, start, streams)
                }
                wanted -= count.newlines
            }
            return LogTail(offset: first, skip: 0)
        }
    }

    /// The place behind the newline of this index, counted from 0 within a segment.
    private static func position(
        afterNewline index: Int, _ scanner: inout SegmentScanner, _ segment: UInt64,
        _ streams: Set<LogStream>
    ) throws(SystemError) -> LogTail {
        var left = index
        var found: LogTail?
        _ = try scanner.forEachRecord { position, header, body in
            guard found == nil, let stream = header.stream, streams.contains(stream) else { return }
            Newlines.forEach(in: body) { at in
                if left == 0, found == nil {
                    found = LogTail(offset: segment + position, skip: at + 1)
                }
                left -= 1
            }
        }
        return found ?? LogTail(offset: segment, skip: 0)
    }

    /// What a segment has of lines.
    private struct LineCount {
        var newlines = 0
        var hasOutput = false
        var endsInNewline = false

        init(
            _ scanner: inout SegmentScanner, _ streams: Set<LogStream>
        ) throws(SystemError) {
            var count = (newlines: 0, hasOutput: false, endsInNewline: false)
            _ = try scanner.forEachRecord { _, header, body in
                guard let stream = header.stream, streams.contains(stream), let last = body.last
                else { return }
                count.hasOutput = true
                count.endsInNewline = last == UInt8(ascii: "\n")
                Newlines.forEach(in: body) { _ in count.newlines += 1 }
            }
            (newlines, hasOutput, endsInNewline) = count
        }
    }
}

private enum Newlines {
    static func forEach(in bytes: UnsafeRawBufferPointer, _ visit: (Int) -> Void) {
        guard let base = bytes.baseAddress else { return }
        var position = 0
        while position < bytes.count,
            let found = memchr(base + position, Int32(UInt8(ascii: "\n")), bytes.count - position)
        {
            let at = UnsafeRawPointer(found) - base
            visit(at)
            position = at + 1
        }
    }
}
