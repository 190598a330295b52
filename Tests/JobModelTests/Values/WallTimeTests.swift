import Foundation
import Testing

@testable import JobModel

struct WallTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_230_599_120, "2026-11-21T03:09:59.120Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func momentsAndTheirTexts(_ milliseconds: Int64, _ text: String) {
        #expect(WallTime(milliseconds: milliseconds).description == text)
        #expect(WallTime(parsing: text)?.milliseconds == milliseconds)
    }

    @Test func everyMomentOfFourDigitYearsIsReadBack() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        let span = UInt64(253_402_300_799_999 + 62_135_596_800_000)
        for _ in 0..<5000 {
            let milliseconds = Int64(random.next() % span) - 62_135_596_800_000
            let time = WallTime(milliseconds: milliseconds)
            #expect(WallTime(parsing: "\(time)") == time, "SHUNT_SEED=\(seed)")
        }
    }

    @Test func textsAreWhatFoundationWrites() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        for _ in 0..<300 {
            let seconds = Int64(random.below(8_000_000_000)) - 2_000_000_000
            let ours = WallTime(milliseconds: seconds * 1000).description
            let theirs = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
            #expect(ours == theirs.dropLast() + ".000Z", "SHUNT_SEED=\(seed)")
        }
    }

    @Test(arguments: [
        "", "2026-11-21T03:09:59Z", "2026-11-21 03:09:59.120Z", "2026-11-21T03:09:59.120",
        "2026-11-21T03:09:59.120z", "2026-13-01T00:00:00.000Z", "2026-00-10T00:00:00.000Z",
        "2026-02-29T00:00:00.000Z", "2026-01-32T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:60:00.000Z", "2026-01-01T00:00:60.000Z", "+026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.0000Z",
    ])
    func nothingElseIsRead(_ text: String) {
        #expect(WallTime(parsing: text) == nil)
    }

    @Test(arguments: [Int64.min, Int64.min + 1, Int64.max])
    func noMomentTraps(_ milliseconds: Int64) {
        #expect(!WallTime(milliseconds: milliseconds).description.isEmpty)
    }
}
