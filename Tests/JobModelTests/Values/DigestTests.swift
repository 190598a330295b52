import Foundation
import Testing

@testable import JobModel

struct DigestTests {
    /// What `printf '' | sha256sum` prints.
    static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func textAndBytesAreTheSameDigest() throws {
        let digest = try #require(Digest(hex: Self.empty))
        #expect(digest.hex == Self.empty)
        #expect(digest.bytes.prefix(4) == [0xe3, 0xb0, 0xc4, 0x42])
        #expect(digest.bytes.suffix(2) == [0xb8, 0x55])
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(digest.short == "e3b0c44298fc")
        #expect("\(digest)" == Self.empty)
    }

    @Test(arguments: [
        "", "e3", empty.uppercased(), String(empty.dropLast()), empty + "0", empty + "00",
        String(empty.dropLast()) + "g", String(repeating: "é", count: 32),
    ])
    func oneDigestHasOneSpelling(_ text: String) {
        #expect(Digest(hex: text) == nil)
    }

    @Test(arguments: [0, 31, 33, 64])
    func aDigestHas32Bytes(_ count: Int) {
        #expect(Digest(bytes: [UInt8](repeating: 7, count: count)) == nil)
    }

    @Test func digestsAreOrderedAsTheirTexts() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            // Few different bytes, so that words are often equal.
            let pair = (0..<2).map { _ in
                Digest(bytes: (0..<32).map { _ in UInt8(random.below(2) * 255) })
            }
            guard let left = pair[0], let right = pair[1] else { return }
            #expect((left < right) == (left.hex < right.hex), "SHUNT_SEED=\(seed)")
            #expect(Digest(hex: left.hex) == left, "SHUNT_SEED=\(seed)")
        }
    }

    @Test func inJSONADigestIsItsText() throws {
        let json = Data("[\"\(Self.empty)\"]".utf8)
        let digests = try JSONDecoder().decode([Digest].self, from: json)
        #expect(digests.map(\.hex) == [Self.empty])
        #expect(try JSONEncoder().encode(digests) == json)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Digest].self, from: Data("[\"abc\"]".utf8))
        }
    }
}
