import Testing

@testable import JobModel

/// What disks and peers make of a log. Layout, cuts and headers of whole records are tested where
/// the log is written, in `SupervisionTests`.
struct LogDamageTests {
    struct Reading: Equatable {
        var records: [LogRecord] = []
        var isDamaged = false
        var pending = 0
    }

    static func read(_ bytes: [UInt8], by size: Int = .max) -> Reading {
        var decoder = LogRecordDecoder()
        var reading = Reading()
        var rest = bytes[...]
        do {
            repeat {
                decoder.append(rest.prefix(size))
                rest = rest.dropFirst(size)
                while let record = try decoder.next() { reading.records.append(record) }
            } while !rest.isEmpty
        } catch {
            reading.isDamaged = true
        }
        reading.pending = decoder.pendingCount
        return reading
    }

    static func record(_ random: inout SeededRandom) -> LogRecord {
        let wall = WallTime(milliseconds: Int64(random.next() >> 20))
        let stream = random.pick(LogStream.allCases)
        switch random.below(4) {
        case 0:
            let gap = LogGap(
                stream: stream, droppedBytes: random.next(), errno: Int32(random.below(200)),
                since: WallTime(milliseconds: -Int64(random.next() >> 20)))
            return LogRecord(wall: wall, body: .gap(gap))
        case 1:
            let kind = UInt8(4 + random.below(252))
            return LogRecord(
                wall: wall, body: .unknown(kind: kind, bytes: random.bytes(random.below(9))))
        default:
            return LogRecord(wall: wall, body: .output(stream, random.bytes(random.below(12))))
        }
    }

    @Test func randomRecordsComeBackInPiecesOfEverySize() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<60 {
            let records = (0..<random.below(6)).map { _ in Self.record(&random) }
            let bytes = records.flatMap(\.encoded)
            for size in 1...(bytes.count + 1) {
                let reading = Self.read(bytes, by: size)
                #expect(reading == Reading(records: records), "SHUNT_SEED=\(seed) by \(size)")
            }
        }
    }

    @Test func aLogThatEndsTooSoonGivesItsWholeRecords() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        let records = (0..<12).map { _ in Self.record(&random) }
        let bytes = records.flatMap(\.encoded)
        for count in 0...bytes.count {
            let torn = Array(bytes.prefix(count))
            let reading = Self.read(torn)
            #expect(!reading.isDamaged, "SHUNT_SEED=\(seed) at \(count)")
            #expect(reading.records == Array(records.prefix(reading.records.count)))
            let whole = reading.records.flatMap(\.encoded).count
            #expect(reading.pending == count - whole, "SHUNT_SEED=\(seed) at \(count)")
            let found = torn.withUnsafeBytes { LogRecordHeader.wholeRecords(in: $0) }
            #expect(found == (whole, false), "SHUNT_SEED=\(seed) at \(count)")
        }
    }

    @Test func damageAtAnyByteLeavesWhatStandsBeforeIt() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        let records = (0..<10).map { _ in Self.record(&random) }
        let bytes = records.flatMap(\.encoded)
        var start = 0
        for (place, record) in records.enumerated() {
            for offset in 0..<record.encoded.count {
                for _ in 0..<8 {
                    var damaged = bytes
                    damaged[start + offset] ^= UInt8(1 + random.below(255))
                    let reading = Self.read(damaged)
                    let where_: Comment = "SHUNT_SEED=\(seed) record \(place), byte \(offset)"
                    #expect(reading.records.starts(with: records.prefix(place)), where_)
                    if offset < LogRecordHeader.byteCount {
                        // One damaged byte of a header never makes another header.
                        #expect(reading.isDamaged && reading.records.count == place, where_)
                        let found = damaged.withUnsafeBytes {
                            LogRecordHeader.wholeRecords(in: $0)
                        }
                        #expect(found == (start, true), where_)
                    } else if !reading.isDamaged {
                        // A body has no check, and borders stay what they were.
                        #expect(reading.records.count == records.count, where_)
                        #expect(
                            reading.records.dropFirst(place + 1)
                                == records.dropFirst(place + 1), where_)
                    }
                }
            }
            start += record.encoded.count
        }
    }

    @Test func aDamagedLogStaysDamagedWhateverFollows() {
        let good = LogRecord(
            wall: WallTime(milliseconds: 1), body: .output(.standardOutput, [1])
        ).encoded
        var decoder = LogRecordDecoder()
        decoder.append(good)
        decoder.append([UInt8](repeating: 0, count: LogRecordHeader.byteCount))
        #expect(throws: Never.self) { try decoder.next() }
        for _ in 0..<3 {
            #expect(throws: LogFormatError.self) { try decoder.next() }
            decoder.append(good)
        }
    }
}

struct LogGapTests {
    static let gap = LogGap(
        stream: .standardError, droppedBytes: 5, errno: 28, since: WallTime(milliseconds: 9))
    static let record = LogRecord(wall: WallTime(milliseconds: 10), body: .gap(gap))
    static let body = Array(record.encoded.dropFirst(LogRecordHeader.byteCount))

    /// What stands in a log whose gap record has this body.
    static func read(_ body: [UInt8]) -> LogDamageTests.Reading {
        let header = LogRecordHeader(
            kind: LogRecordHeader.gapKind, length: body.count, wall: record.wall)
        return LogDamageTests.read(header.encoded + body)
    }

    /// The layout is on disks and in other releases: it never changes.
    @Test func theLayoutOfAGapIsFixed() {
        #expect(
            Self.body == [
                2, 0, 0, 0, 28, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func whatALaterReleaseAppendsToAGapIsSkipped() {
        #expect(Self.read(Self.body + [1, 2, 3]).records == [Self.record])
    }

    @Test func aGapThatIsTooShortIsDamage() {
        for count in 0..<Self.body.count {
            let reading = Self.read(Array(Self.body.prefix(count)))
            #expect(reading.isDamaged && reading.records.isEmpty, "\(count) bytes")
        }
    }

    @Test func aGapOfNoStreamIsDamage() {
        for number: [UInt8] in [[0, 0], [3, 0], [1, 1], [255, 255]] {
            #expect(Self.read(number + Self.body.dropFirst(2)).isDamaged, "\(number)")
        }
    }

    @Test func aTimeThatNoClockGivesIsDamage() {
        let last: Int64 = 1 << 50
        for (time, isDamage) in [
            (last, false), (last + 1, true), (-last, false), (-last - 1, true), (.max, true),
            (.min, true),
        ] {
            let bytes = withUnsafeBytes(of: time.littleEndian) { Array($0) }
            #expect(Self.read(Self.body.prefix(16) + bytes).isDamaged == isDamage, "\(time)")
        }
    }

    @Test func timesThatNoClockGivesAreWrittenAsTheLastOne() {
        let last: Int64 = 1 << 50
        for (time, written) in [(Int64.max, last), (.min, -last), (last, last), (-3, -3)] {
            let wall = WallTime(milliseconds: time)
            #expect(LogRecordHeader.clamp(wall).milliseconds == written)
            let gap = LogGap(stream: .standardOutput, droppedBytes: 1, errno: 5, since: wall)
            #expect(gap.since.milliseconds == written)
            let bytes = LogRecord(wall: wall, body: .gap(gap)).encoded
            let found = LogDamageTests.read(bytes).records.map(\.wall.milliseconds)
            #expect(found == [written])
        }
    }
}
