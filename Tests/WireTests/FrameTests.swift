import ByteStream
import TestSupport
import Testing

@testable import Wire

@Suite struct FrameTests {
    @Test func framesComeBackHoweverTheStreamIsCut() async throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<30 {
            let frames = (0..<random.below(12)).map { _ in
                Frame(
                    header: random.bytes(random.below(random.pick([1, 100, 65_537]))),
                    body: random.bytes(random.below(random.pick([1, 1000, 300_000]))))
            }
            let bytes = try frames.flatMap { try $0.encoded() }
            let connection = FrameConnection(ScriptedStream(bytes, random))
            for frame in frames { #expect(try await connection.receive() == frame) }
            #expect(try await connection.receive() == nil)
            #expect(connection.bytesReceived == bytes.count)
        }
    }

    @Test func theLargestFramePassesAndOneByteMoreDoesNot() throws {
        let largest = Frame(
            header: [UInt8](repeating: 1, count: WireLimits.header),
            body: [UInt8](repeating: 2, count: WireLimits.body))
        var decoder = FrameDecoder()
        decoder.append(try largest.encoded())
        #expect(try decoder.next() == largest)

        var longHeader = largest
        longHeader.header.append(0)
        #expect(throws: WireError.self) { try longHeader.encoded() }
        var longBody = largest
        longBody.body.append(0)
        #expect(throws: WireError.self) { try longBody.encoded() }
    }

    @Test(arguments: [
        [0x01, 0x00, 0x01, 0x00, 0, 0, 0, 0], [0, 0, 0, 0, 0x01, 0x00, 0x10, 0x00],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ])
    func oversizedLengthsAreRefusedBeforeAnythingElseCame(prefix: [UInt8]) {
        var decoder = FrameDecoder()
        decoder.append(prefix)
        #expect(throws: WireError.self) { try decoder.next() }
        // It stays refused: what follows cannot be found.
        #expect(throws: WireError.self) { try decoder.next() }
    }

    @Test func anEndInsideAFrameIsNotAnOrderlyOne() async throws {
        let random = SeededGenerator.forTest()
        let frame = Frame(header: [1, 2, 3], body: [4, 5])
        let bytes = try frame.encoded() + frame.encoded()
        for length in 0...bytes.count {
            let connection = FrameConnection(
                ScriptedStream(Array(bytes.prefix(length)), random))
            for _ in 0..<length / 13 { #expect(try await connection.receive() == frame) }
            if length % 13 == 0 {
                #expect(try await connection.receive() == nil)
            } else {
                await #expect(throws: WireError.truncated) { try await connection.receive() }
            }
        }
    }

    @Test func noSequenceOfBytesBreaksTheDecoder() {
        var random = SeededGenerator.forTest()
        for _ in 0..<2000 {
            var decoder = FrameDecoder()
            do {
                for _ in 0..<random.below(6) {
                    var bytes = random.bytes(random.below(300))
                    // Small lengths, so that bodies are reached as well.
                    if bytes.count > 8, random.chance(2) {
                        for index in [1, 2, 3, 5, 6, 7] { bytes[index] = 0 }
                    }
                    decoder.append(bytes)
                    while let frame = try decoder.next() {
                        #expect(frame.header.count <= WireLimits.header)
                        #expect(frame.body.count <= WireLimits.body)
                    }
                }
            } catch {
                guard case .oversized = error else {
                    Issue.record("an error that the decoder does not have: \(error)")
                    return
                }
            }
        }
    }

    @Test func whatStandsBeforeThePreambleIsSkipped() async throws {
        var random = SeededGenerator.forTest()
        let frame = Frame(header: Array("header".utf8), body: Array("body".utf8))
        for _ in 0..<200 {
            var junk = random.bytes(random.below(random.pick([1, 50, WireLimits.junk + 1])))
            // Pieces of a preamble that are none.
            for _ in 0..<random.below(5) {
                let piece = Preamble.magic.prefix(random.below(16))
                junk.insert(contentsOf: piece, at: random.below(junk.count + 1))
            }
            junk = Array(junk.prefix(WireLimits.junk))
            let bytes = junk + Preamble.magic + (try frame.encoded())
            // Now and then a random byte completes a piece; then that is the preamble.
            guard bytes.firstRange(of: Preamble.magic)?.lowerBound == junk.count else { continue }
            let connection = FrameConnection(ScriptedStream(bytes, random))
            try await connection.exchangePreambles()
            #expect(try await connection.receive() == frame)
            #expect(try await connection.receive() == nil)
        }
    }

    @Test func moreThan64KiBOfJunkAreGivenUpOn() async throws {
        let random = SeededGenerator.forTest()
        let junk = [UInt8](repeating: UInt8(ascii: "x"), count: WireLimits.junk + 1)
        let connection = FrameConnection(ScriptedStream(junk + Preamble.magic, random))
        await #expect(throws: WireError.noPreamble(skipped: WireLimits.junk + 1)) {
            try await connection.exchangePreambles()
        }
        let silent = FrameConnection(ScriptedStream(Array("login:".utf8), random))
        await #expect(throws: WireError.noPreamble(skipped: 6)) {
            try await silent.exchangePreambles()
        }
    }
}
