@testable import ByteStream
import TestSupport
import Testing

@Suite struct ByteChunksTests {
    @Test func whatGoesInComesOutInOrder() {
        var random = SeededGenerator.forTest()
        var chunks = ByteChunks()
        var model: [UInt8] = []
        var taken: [UInt8] = []
        for _ in 0..<2000 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let bytes = random.bytes(Int.random(in: 0...40_000, using: &random))
                chunks.append(bytes[...])
                model += bytes
            case 1:
                taken += chunks.take(atMost: Int.random(in: 1...50_000, using: &random))
            default:
                if let first = chunks.first {
                    let length = Int.random(in: 1...first.count, using: &random)
                    taken += first.prefix(length)
                    chunks.removeFirst(length)
                }
            }
            #expect(chunks.count == model.count - taken.count)
        }
        while !chunks.isEmpty { taken += chunks.take(atMost: 1 << 20) }
        #expect(taken == model)
    }

    @Test func aMillionSmallAppendsAreFewChunks() {
        var chunks = ByteChunks()
        for index in 0..<100_000 { chunks.append([UInt8(truncatingIfNeeded: index)]) }
        var pieces = 0
        while !chunks.isEmpty {
            _ = chunks.take(atMost: 1 << 20)
            pieces += 1
        }
        #expect(pieces <= 100_000 / StreamLimits.coalesce + 1)
    }

    @Test func aWholeArrayPassesWithoutACopy() {
        let bytes = [UInt8](repeating: 7, count: 100_000)
        var chunks = ByteChunks()
        chunks.append(bytes[...])
        let out = chunks.take(atMost: 1 << 20)
        let isSame = bytes.withUnsafeBytes { before in
            out.withUnsafeBytes { $0.baseAddress == before.baseAddress }
        }
        #expect(isSame)
    }
}
