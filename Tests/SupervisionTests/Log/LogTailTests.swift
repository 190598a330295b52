@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// Where `tail` begins, beside the plain definition of it.
@Suite struct LogTailTests {
    /// The last lines of a text, by definition.
    static func lastLines(_ text: [UInt8], _ count: Int) -> [UInt8] {
        var lines = text.split(separator: 10, omittingEmptySubsequences: false).map { $0 + [10] }
        lines[lines.count - 1].removeLast()
        if lines[lines.count - 1].isEmpty { lines.removeLast() }
        return lines.suffix(count).flatMap { $0 }
    }

    static func read(_ bench: LogTests.Bench, from tail: LogTail, _ streams: Set<LogStream>)
        throws -> [UInt8]
    {
        var decoder = LogRecordDecoder()
        var offset = tail.offset
        var bytes: [UInt8] = []
        var skip = tail.skip
        while case let chunk = try bench.reader.read(from: offset, limit: 1), !chunk.bytes.isEmpty {
            offset = chunk.end
            decoder.append(chunk.bytes)
            while let record = try decoder.next() {
                if case .output(let stream, let part) = record.body, streams.contains(stream) {
                    bytes += part.dropFirst(skip)
                }
                skip = 0
            }
        }
        return bytes
    }

    @Test func theLastLinesAreThoseOfTheText() throws {
        let seed = Seed.make()
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let bench = try LogTests.Bench()
            var log = try bench.open(segmentLimit: UInt64.random(in: 30...400, using: &random))
            var texts: [LogStream: [UInt8]] = [:]
            var both: [UInt8] = []
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                let stream = LogStream.allCases.randomElement(using: &random)!
                let part = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                    UInt8.random(in: 0...3, using: &random) == 0 ? UInt8(10) : 65
                }
                bench.put(String(decoding: part, as: UTF8.self), stream, in: &log)
                texts[stream, default: []] += part
                both += part
            }
            let all = Set(LogStream.allCases)
            for lines in [0, 1, 2, 3, 7, 1000] {
                let tail = try bench.reader.tail(lines: lines)
                #expect(try Self.read(bench, from: tail, all) == Self.lastLines(both, lines))
                for stream in LogStream.allCases {
                    let one = try bench.reader.tail(lines: lines, streams: [stream])
                    #expect(
                        try Self.read(bench, from: one, [stream])
                            == Self.lastLines(texts[stream] ?? [], lines))
                }
            }
        }
    }

    @Test func aLogThatIsNotThereHasNoTail() throws {
        #expect(try LogReader("/no/such/log").tail(lines: 5) == LogTail(offset: 0, skip: 0))
    }
}
