import Glibc
import Lab
import Testing

/// A relay that nobody disturbs, and one with delay or rate.
@Suite struct RelayTests {
    @Test func bytesPassBothWaysAndAreCounted() async throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        try client.send(pattern(1_000))
        #expect(try server.receive(1_000) == pattern(1_000))
        try server.send([1, 2, 3])
        #expect(try client.receive(3) == [1, 2, 3])
        let counts = Relay.Counts(bytesUp: 1_000, bytesDown: 3, accepted: 1, open: 1)
        #expect(await eventually { pair.relay.counts == counts })
    }

    @Test func anEndIsPassedOnAndTheOtherDirectionGoesOn() async throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        try client.send([1])
        client.finishSending()
        #expect(try server.receiveAll() == [1])
        try server.send([2])
        server.finishSending()
        #expect(try client.receiveAll() == [2])
        #expect(await eventually { pair.relay.counts.open == 0 })
    }

    @Test func manyBytesComeWholeAndInOrder() async throws {
        let pair = try RelayedPair()
        pair.relay.setDelay(.milliseconds(5))
        let (client, server) = try pair.connect()
        let bytes = pattern(20_000_000)
        async let sent: Void = blocking {
            try client.send(bytes)
            client.finishSending()
        }
        let received = try await blocking { try server.receiveAll() }
        try await sent
        #expect(received == bytes)
    }

    @Test func aDelayShowsInTheRoundTrip() throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        pair.relay.setDelay(.milliseconds(30), .up)
        pair.relay.setDelay(.milliseconds(20), .down)
        let time = try ContinuousClock().measure {
            try client.send([1])
            #expect(try server.receive(1) == [1])
            try server.send([2])
            #expect(try client.receive(1) == [2])
        }
        #expect(time >= .milliseconds(50))
    }

    /// One round trip for the handshake, the way of its last packet, and the way back.
    @Test func aServersGreetingTakesTwoRoundTrips() throws {
        let pair = try RelayedPair()
        pair.relay.setDelay(.milliseconds(20))
        let time = try ContinuousClock().measure {
            let (client, server) = try pair.connect()
            try server.send([1])
            #expect(try client.receive(1) == [1])
        }
        #expect(time >= .milliseconds(80))
    }

    /// Ten megabits are 1.25 s at 8 Mbit/s, less what the queue in front of the link takes ahead.
    @Test func aRateHoldsForAllConnectionsTogether() async throws {
        let pair = try RelayedPair()
        pair.relay.setRate(bitsPerSecond: 8_000_000)
        let connections = try (0..<2).map { _ in try pair.connect() }
        let bytes = pattern(625_000)
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (client, server) in connections {
                group.addTask { try await blocking { try client.send(bytes) } }
                group.addTask {
                    let received = try await blocking { try server.receive(bytes.count) }
                    #expect(received == bytes)
                }
            }
            try await group.waitForAll()
        }
        #expect(ContinuousClock.now - begin >= .milliseconds(1_200))
    }

    @Test func aReaderThatStopsHoldsTheSenderBack() throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        let sent = try client.sendUntilFull(atMost: 256 << 20)
        #expect(sent < 64 << 20)
        #expect(try server.receive(sent).count == sent)
    }

    @Test func aTargetThatRefusesEndsTheConnection() throws {
        let closed = try Impostor(.closed, address: "127.0.1.9")
        let relay = try Relay(
            listeningOn: Endpoint(address: "127.0.1.8", port: 0), to: closed.endpoint)
        defer { relay.stop() }
        let client = try Peer(connectingTo: relay.endpoint)
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try client.receive(1) }
    }

    @Test func aRelayStopsThoughItsTargetDoesNotAnswer() throws {
        let filtered = try Impostor(.filtered, address: "127.0.1.9")
        let relay = try Relay(
            listeningOn: Endpoint(address: "127.0.1.8", port: 0), to: filtered.endpoint)
        let client = try Peer(connectingTo: relay.endpoint)
        #expect(!client.hasSomething(within: 100))
        relay.stop()
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try client.receive(1) }
        #expect(relay.counts.open == 0)
    }

    @Test func aStoppedRelayHasFreedItsPort() throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        pair.relay.stop()
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try client.receive(1) }
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try server.receive(1) }
        let again = try Relay(listeningOn: pair.relay.endpoint, to: pair.target.endpoint)
        again.stop()
    }
}
