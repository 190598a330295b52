@testable internal import AgentService
internal import CLinux
internal import Glibc
@testable internal import JobModel
internal import Testing

/// Writer, recovery and reader of a log, on real files and a real pipe.
@Suite struct LogTests {
    /// A pipe and a log that it is emptied into.
    final class Bench {
        let root: String
        let pipe: (read: Int32, write: Int32)
        var now = Moment(
            wall: WallTime(milliseconds: 1_000_000), steady: SteadyTime(milliseconds: 1000))

        init() throws {
            root = try TemporaryDirectory.make()
            var ends: [Int32] = [0, 0]
            #expect(Glibc.pipe(&ends) == 0)
            pipe = (ends[0], ends[1])
            #expect(fcntl(pipe.read, 1031, 1 << 20) > 0, "F_SETPIPE_SZ")
        }

        deinit {
            close(pipe.read)
            close(pipe.write)
            TemporaryDirectory.remove(root)
        }

        var path: String { root + "/log" }
        var reader: LogReader { LogReader(path) }

        func open(
            segmentLimit: UInt64 = LogWriter.usualSegmentLimit, canSplice: Bool = true
        ) throws -> LogWriter {
            try LogWriter(at: path, segmentLimit: segmentLimit, canSplice: canSplice)
        }

        func fill(_ text: String) { fill(Array(text.utf8)) }

        func fill(_ bytes: [UInt8]) {
            #expect(write(pipe.write, bytes, bytes.count) == bytes.count)
        }

        /// Logs this as one record.
        func put(_ text: String, _ stream: LogStream = .standardOutput, in log: inout LogWriter) {
            fill(text)
            let moved = log.transfer(from: pipe.read, stream: stream, limit: 1 << 20, at: now)
            #expect(moved == text.utf8.count)
        }

        func records() throws -> [LogRecord] {
            var decoder = LogRecordDecoder()
            var found: [LogRecord] = []
            var offset: UInt64 = 0
            while true {
                let chunk = try reader.read(from: offset, limit: 1)
                if chunk.bytes.isEmpty { return found }
                offset = chunk.end
                decoder.append(chunk.bytes)
                while let record = try decoder.next() { found.append(record) }
            }
        }

        func texts() throws -> [String] {
            try records().map {
                switch $0.body {
                case .output(_, let bytes): String(decoding: bytes, as: UTF8.self)
                case .gap(let gap): "gap \(gap.droppedBytes)"
                case .unknown(let kind, _): "kind \(kind)"
                }
            }
        }

        func segment(_ start: UInt64) -> String { path + "/" + LogSegments.name(startingAt: start) }
    }

    @Test(arguments: [true, false])
    func recordsAreReadAsTheyWereWritten(_ canSplice: Bool) throws {
        let bench = try Bench()
        var log = try bench.open(canSplice: canSplice)
        bench.put("one\n", in: &log)
        bench.put("two", .standardError, in: &log)
        let sync = log.finish(at: bench.now)
        let end = log.offset
        #expect(sync == 0)
        let records = try bench.records()
        #expect(
            records.map(\.body) == [
                .output(.standardOutput, Array("one\n".utf8)),
                .output(.standardError, Array("two".utf8)),
            ])
        #expect(records.allSatisfy { $0.wall == bench.now.wall })
        #expect(end == UInt64(2 * LogRecordHeader.byteCount + 7))
        #expect(try bench.reader.bounds() == 0..<end)
    }

    @Test func aTransferTakesNoMoreThanItsLimit() throws {
        let bench = try Bench()
        var log = try bench.open()
        bench.fill([UInt8](repeating: 1, count: 600_000))
        func move(_ limit: Int) -> Int {
            log.transfer(
                from: bench.pipe.read, stream: .standardOutput, limit: limit, at: bench.now)
        }
        #expect(move(10) == 10)
        #expect(move(1 << 20) == LogRecordHeader.largestBody)
        #expect(move(1 << 20) == LogRecordHeader.largestBody)
        #expect(move(1 << 20) == 600_000 - 10 - 2 * LogRecordHeader.largestBody)
        #expect(move(1 << 20) == 0)
    }

    /// Cuts a log at every length and writes on: whole records stay, a body that was cut short
    /// keeps what it has, and offsets go on from there.
    @Test func aTornTailIsPutInOrder() throws {
        let bench = try Bench()
        var log = try bench.open()
        bench.put("first\n", in: &log)
        bench.put("second\n", .standardError, in: &log)
        let whole = try #require(Files.read(bench.segment(0)))
        let firstEnd = 22
        for length in 0...whole.count {
            try Files.write(Array(whole.prefix(length)), to: bench.segment(0))
            var next = try bench.open()
            let kept =
                if length < firstEnd {
                    max(0, length - 16) == 0 ? [] : [String("first\n".prefix(length - 16))]
                } else if length < firstEnd + 17 {
                    ["first\n"]
                } else {
                    ["first\n", String("second\n".prefix(length - firstEnd - 16))]
                }
            let resumed = next.offset
            #expect(resumed == UInt64(kept.reduce(0) { $0 + 16 + $1.utf8.count }))
            bench.put("third\n", in: &next)
            #expect(try bench.texts() == kept + ["third\n"], "cut at \(length)")
        }
    }

    @Test func whatIsNoRecordStaysAndTheLogGoesOn() throws {
        let bench = try Bench()
        var log = try bench.open()
        bench.put("first\n", in: &log)
        var bytes = try #require(Files.read(bench.segment(0)))
        bytes += [UInt8](repeating: 0, count: 4096)
        try Files.write(bytes, to: bench.segment(0))
        var next = try bench.open()
        bench.put("second\n", in: &next)
        #expect(try bench.texts() == ["first\n", "second\n"])
        #expect(Files.read(bench.segment(0)) == bytes)
        let end = next.offset
        #expect(end == UInt64(bytes.count + 23))
    }

    @Test func offsetsGoOnOverSegments() throws {
        let bench = try Bench()
        var log = try bench.open(segmentLimit: 50)
        let lines = (0..<20).map { "line \($0)\n" }
        for line in lines { bench.put(line, in: &log) }
        let directory = try OwnedDescriptor.open(bench.path, O_RDONLY)
        let starts = try LogSegments.list(in: directory)
        #expect(starts.count > 5 && starts.first == 0)
        #expect(try bench.texts() == lines)
        // Every record's own offset leads to the rest.
        var offset: UInt64 = 0
        for index in lines.indices {
            let chunk = try bench.reader.read(from: offset, limit: 1)
            #expect(chunk.start == offset)
            var decoder = LogRecordDecoder()
            decoder.append(chunk.bytes)
            let record = try #require(try decoder.next())
            #expect(record.body == .output(.standardOutput, Array(lines[index].utf8)))
            offset += UInt64(record.encoded.count)
        }
        // What was deleted at the front is passed over, and said to be.
        unlink(bench.segment(0))
        #expect(try bench.reader.read(from: 0, limit: 1).start == starts[1])
        let end = log.offset
        #expect(try bench.reader.bounds() == starts[1]..<end)
        // The next writer goes on at the end.
        var next = try bench.open(segmentLimit: 50)
        let resumed = next.offset
        #expect(resumed == end)
        bench.put("more\n", in: &next)
        #expect(try bench.texts().last == "more\n")
    }

    @Test func aReaderSeesWholeRecordsOnly() throws {
        let bench = try Bench()
        #expect(try bench.reader.read(from: 0, limit: 1).bytes.isEmpty)
        var log = try bench.open()
        bench.put("first\n", in: &log)
        let torn = LogRecordHeader(stream: .standardOutput, length: 9, wall: bench.now.wall).encoded
        let bytes = try #require(Files.read(bench.segment(0)))
        for count in 0...torn.count {
            try Files.write(bytes + torn.prefix(count), to: bench.segment(0))
            #expect(try bench.texts() == ["first\n"])
            #expect(try bench.reader.bounds() == 0..<22)
        }
    }

    @Test func anOffsetWithinARecordIsRefused() throws {
        let bench = try Bench()
        var log = try bench.open()
        bench.put("a line that is longer than a header\n", in: &log)
        #expect(throws: ShuntError.self) { try bench.reader.read(from: 3, limit: 1) }
        let end = log.offset
        #expect(try bench.reader.read(from: end, limit: 1).bytes.isEmpty)
        #expect(try bench.reader.read(from: .max, limit: 1).bytes.isEmpty)
    }

    @Test func gapsAreToldOnce() throws {
        let bench = try Bench()
        _ = try bench.open()
        let directory = try OwnedDescriptor.open(bench.path, O_RDONLY)
        var ledger = try GapLedger(in: directory)
        ledger.count(100, of: .standardError, errno: ENOSPC, at: WallTime(milliseconds: 5))
        let gap = try #require(ledger.pendingGaps().first)
        // Whoever counted was killed before the record, and the next one right behind it.
        var log = try bench.open()
        log.settleGaps(at: bench.now)
        #expect(try bench.records().map(\.body) == [.gap(gap)])
        ledger.count(0, of: .standardError, errno: 0, at: WallTime(milliseconds: 9))
        var again = try bench.open()
        let (isPending, dropped) = (again.hasPendingGap, again.dropped(.standardError))
        #expect(!isPending)
        #expect(dropped == 100)
        again.settleGaps(at: bench.now)
        #expect(try bench.records().count == 1)
    }
}
