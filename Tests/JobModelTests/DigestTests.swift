import Testing

@testable import JobModel

struct DigestTests {
    @Test func textAndBytesAreTheSameDigest() throws {
        let bytes = (0..<32).map { UInt8($0 * 7 & 255) }
        let digest = try #require(Digest(bytes: bytes))
        #expect(digest.bytes == bytes)
        #expect(Digest(hex: digest.hex) == digest)
    }
}
