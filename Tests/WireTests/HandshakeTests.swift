import ByteStream
import JobModel
import SwiftProtobuf
import TestSupport
import Testing

@testable import Wire

@Suite struct HandshakeTests {
    @Test(arguments: [0, 1, 500])
    func aWelcomeArrivesWithAllItsReports(count: Int) async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = MemoryStream.pair()
        let hello = random.hello(.control)
        var made = random.welcome(reports: count)
        if count == 1 {
            // One report that alone is larger than a header.
            made.reports[0].result = TaskResult(
                verdict: .failed, message: String(repeating: "m", count: 200_000))
        }
        let welcome = made
        async let answered: (Hello, AgentControlConnection) = {
            let incoming = try await Handshake.receiveHello(over: far, within: longEnough)
            return (incoming.hello, try await incoming.welcome(welcome, within: longEnough))
        }()
        let (coordinator, received) = try await Handshake.openControl(
            over: near, hello, within: longEnough)
        let (heard, agent) = try await answered
        #expect(heard == hello)
        #expect(received == welcome)
        try await coordinator.send(.ping(1))
        #expect(try await agent.receive() == .ping(1))
    }

    @Test func aStaleFenceIsToldWithTheHighestOne() async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = MemoryStream.pair()
        let hello = random.hello(.control)
        let rejection = Rejection.staleFence(highest: random.fence())
        async let rejected: Void = Handshake.receiveHello(over: far, within: longEnough)
            .reject(rejection, within: longEnough)
        await #expect(throws: rejection) {
            try await Handshake.openControl(over: near, hello, within: longEnough)
        }
        try await rejected
    }

    @Test func aRefusalCarriesItsWords() async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = MemoryStream.pair()
        let hello = random.hello(.bulk)
        let rejection = Rejection.refused(random.error())
        async let rejected: Void = Handshake.receiveHello(over: far, within: longEnough)
            .reject(rejection, within: longEnough)
        await #expect(throws: rejection) {
            try await Handshake.openBulk(over: near, hello, within: longEnough)
        }
        try await rejected
    }

    @Test func twoVersionsTellEachOtherWhichTheySpeak() async throws {
        let (near, far) = MemoryStream.pair()
        let proto = ProtoHello.with {
            $0.protocolVersion = WireLimits.protocolVersion + 41
        }
        let expected = Rejection.protocolMismatch(
            coordinator: WireLimits.protocolVersion + 41, agent: WireLimits.protocolVersion)
        async let told: ProtoRejection = {
            let frames = FrameConnection(near)
            try await frames.exchangePreambles()
            try await frames.send(Frame(header: encodedBytes(of: proto)))
            let frame = try #require(try await frames.receive())
            return try decodedMessage(ProtoHelloAnswer.self, from: frame.header).rejection
        }()
        await #expect(throws: expected) {
            try await Handshake.receiveHello(over: far, within: longEnough)
        }
        let answer = try await told
        #expect(answer.protocolVersion == WireLimits.protocolVersion)
        #expect(
            try Rejection(answer)
                == .protocolMismatch(
                    coordinator: WireLimits.protocolVersion, agent: WireLimits.protocolVersion))
    }

    @Test func aSilentPeerIsGivenUpOn() async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = MemoryStream.pair()
        let hello = random.hello(.control)
        let limit = Duration.milliseconds(50)
        await #expect(throws: DeadlineExceeded(waited: limit)) {
            try await Handshake.openControl(over: near, hello, within: limit)
        }
        // The stream was closed: the peer reads what was sent and then the end.
        var received: [UInt8] = []
        while true {
            let bytes = try await far.read(atMost: 1000)
            if bytes.isEmpty { break }
            received += bytes
        }
        #expect(received == Preamble.emptyLines + Preamble.magic)
    }

    @Test func greetingsOfALoginShellDoNotMatter() async throws {
        var random = SeededGenerator.forTest()
        let (near, far) = MemoryStream.pair()
        let hello = random.hello(.bulk)
        let accepted = Accepted(agent: AgentID(high: 3, low: 4), release: "2")
        try await far.write(Array("Welcome to gpu-3!\nLast login: never\n".utf8))
        async let connection = Handshake.receiveHello(over: far, within: longEnough)
            .accept(accepted, within: longEnough)
        let (_, answer) = try await Handshake.openBulk(over: near, hello, within: longEnough)
        #expect(answer == accepted)
        _ = try await connection
    }

    @Test func anythingElseThanAnAgentIsSeenAsSuch() async throws {
        var random = SeededGenerator.forTest()
        let hello = random.hello(.control)
        for answer in [Array("220 mail ESMTP\r\n".utf8), [], Preamble.magic] {
            let stream = ScriptedStream(answer, random)
            await #expect(throws: WireError.self) {
                try await Handshake.openControl(over: stream, hello, within: longEnough)
            }
        }
    }

    @Test func randomAnswersNeverTrap() async throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<300 {
            let hello = random.hello(.control)
            var header = random.bytes(random.below(60))
            if random.chance(2) {
                var answer = ProtoHelloAnswer()
                answer.welcome = random.welcome(reports: 0).proto
                answer.welcome.reportCount = UInt32(truncatingIfNeeded: random.next())
                header = encodedBytes(of: answer)
            }
            let bytes = Preamble.magic + (try Frame(header: header).encoded())
            let stream = ScriptedStream(bytes, random)
            await #expect(throws: (any Error).self) {
                try await Handshake.openControl(over: stream, hello, within: longEnough)
            }
        }
    }
}
