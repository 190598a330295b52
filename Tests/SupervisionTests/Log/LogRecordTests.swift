@testable internal import JobModel
internal import Testing

/// The encoding of log records, fed with what peers and crashes make of it.
@Suite struct LogRecordTests {
    static let samples: [LogRecord] = [
        LogRecord(
            wall: WallTime(milliseconds: 1_795_233_000_123),
            body: .output(.standardOutput, Array("hello\n".utf8))),
        LogRecord(
            wall: WallTime(milliseconds: -1),
            body: .output(.standardError, [UInt8](repeating: 0, count: 256 << 10))),
        LogRecord(
            wall: WallTime(milliseconds: 0),
            body: .gap(
                LogGap(
                    stream: .standardError, droppedBytes: .max, errno: 28,
                    since: WallTime(milliseconds: -5)))),
        LogRecord(
            wall: WallTime(milliseconds: 7), body: .unknown(kind: 200, bytes: [1, 2, 3])),
        LogRecord(wall: WallTime(milliseconds: 7), body: .unknown(kind: 0, bytes: [])),
    ]

    @Test(arguments: samples) func recordsComeBackAsTheyWere(_ record: LogRecord) throws {
        var decoder = LogRecordDecoder()
        decoder.append(record.encoded)
        #expect(try decoder.next() == record)
        #expect(try decoder.next() == nil)
        #expect(decoder.pendingCount == 0)
    }

    /// The layout is on disks and in other releases: it never changes.
    @Test func theLayoutIsFixed() {
        let record = LogRecord(
            wall: WallTime(milliseconds: 0x0002_0304_0506_0708),
            body: .output(.standardError, [0xAA, 0xBB]))
        #expect(
            record.encoded == [
                0xA7, 2, 0x1A, 0xC3, 2, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 0, 0xAA, 0xBB,
            ])
    }

    @Test func recordsComeBackHoweverTheStreamIsCut() throws {
        var random = SplitMix64(seed: Seed.make())
        let stream = Self.samples.flatMap(\.encoded)
        for _ in 0..<50 {
            var decoder = LogRecordDecoder()
            var found: [LogRecord] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let largest = Bool.random(using: &random) ? 40 : 200_000
                let count = min(rest.count, Int.random(in: 1...largest, using: &random))
                decoder.append(rest.prefix(count))
                rest = rest.dropFirst(count)
                while let record = try decoder.next() { found.append(record) }
            }
            #expect(found == Self.samples)
        }
    }

    @Test func everyBrokenBitOfAHeaderIsNoticed() {
        let header = LogRecordHeader(
            stream: .standardOutput, length: 1000, wall: WallTime(milliseconds: 12345))
        for bit in 0..<(LogRecordHeader.byteCount * 8) {
            var bytes = header.encoded
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(bytes.withUnsafeBytes { LogRecordHeader(decoding: $0) } == nil)
        }
    }

    @Test func anythingElseIsRefusedWithoutATrap() throws {
        var random = SplitMix64(seed: Seed.make())
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Half of them look like records for a while.
            if Bool.random(using: &random) {
                var sample = Self.samples[Int.random(in: 2...4, using: &random)].encoded
                let at = Int.random(in: 0..<sample.count, using: &random)
                sample[at] = UInt8.random(in: 0...255, using: &random)
                bytes =
                    Array(sample.prefix(Int.random(in: 0...sample.count, using: &random))) + bytes
            }
            var decoder = LogRecordDecoder()
            decoder.append(bytes)
            do {
                while try decoder.next() != nil {}
                #expect(decoder.pendingCount < LogRecordHeader.largestRecord)
            } catch {
                #expect(throws: LogFormatError.self) { try decoder.next() }
            }
        }
    }

    @Test func aLengthThatIsTooLargeIsNotWaitedFor() {
        var bytes = LogRecordHeader(
            stream: .standardOutput, length: 0, wall: WallTime(milliseconds: 0)
        ).encoded
        for length: UInt32 in [UInt32(LogRecordHeader.largestBody) + 1, .max] {
            withUnsafeBytes(of: length.littleEndian) { bytes.replaceSubrange(4..<8, with: $0) }
            // With every check that there is, since a peer can compute the right one.
            for check in 0...UInt16.max {
                withUnsafeBytes(of: check.littleEndian) { bytes.replaceSubrange(2..<4, with: $0) }
                let header = bytes.withUnsafeBytes { LogRecordHeader(decoding: $0) }
                if header != nil { Issue.record("accepted a length of \(length)") }
            }
        }
    }
}
