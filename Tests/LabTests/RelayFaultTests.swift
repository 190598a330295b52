import Glibc
import Lab
import Testing

/// What a relay does to connections when it is told to.
@Suite struct RelayFaultTests {
    @Test func aFreezeLosesNothing() async throws {
        let pair = try RelayedPair()
        pair.relay.setDelay(.milliseconds(2))
        // Holds the bytes until the freeze does, however late it comes.
        pair.relay.setCutoff(Relay.Cutoff(bytes: 2_000_000, direction: .up, ending: .silence))
        let (client, server) = try pair.connect()
        let bytes = pattern(20_000_000)
        async let sent: Void = blocking { try client.send(bytes) }
        async let received = blocking { try server.receive(bytes.count) }
        #expect(await eventually { pair.relay.counts.bytesUp == 2_000_000 })
        pair.relay.freeze()
        pair.relay.setCutoff(nil)
        let grows = await eventually(within: .milliseconds(200)) {
            pair.relay.counts.bytesUp != 2_000_000
        }
        #expect(!grows)
        pair.relay.thaw()
        try await sent
        #expect(try await received == bytes)
    }

    @Test(arguments: [Direction.up, .down])
    func aCutStopsOneDirectionAlone(_ direction: Direction) throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        let (mute, other) = direction == .up ? (client, server) : (server, client)
        pair.relay.cut(direction == .up ? .up : .down)
        try mute.send([1])
        try other.send([2])
        #expect(try mute.receive(1) == [2])
        #expect(!other.hasSomething(within: 100))
        pair.relay.restore()
        #expect(try other.receive(1) == [1])
    }

    @Test func whatACutSwallowedResetsItsConnectionsAfterwards() throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        let (idle, idleServer) = try pair.connect()
        pair.relay.cut(.up, losing: .swallowed)
        #expect(try client.sendUntilFull(atMost: 64 << 20) >= 64 << 20)
        #expect(!server.hasSomething(within: 100))
        pair.relay.restore()
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try server.receive(1) }
        try idle.send([1])
        #expect(try idleServer.receive(1) == [1])
    }

    @Test func aConnectionOpenedDuringACutIsAnsweredAfterIt() throws {
        let pair = try RelayedPair()
        pair.relay.cut(.down)
        let client = try Peer(connectingTo: pair.relay.endpoint)
        try client.send([1])
        #expect(!pair.target.hasArrival(within: 100))
        pair.relay.restore()
        #expect(try pair.target.accept().receive(1) == [1])
    }

    @Test func aCutCanRefuseConnections() async throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        pair.relay.cut(arrivals: .refused)
        let isRefused = await eventually {
            do {
                _ = try Peer(connectingTo: pair.relay.endpoint)
                return false
            } catch {
                return error as? Peer.Failure == Peer.Failure(code: ECONNREFUSED)
            }
        }
        #expect(isRefused)
        pair.relay.restore()
        try client.send([1])
        #expect(try server.receive(1) == [1])
        // The thread that accepts needs a moment to do so again.
        // A refusal until then is what the look is for.
        let isBack = await eventually { (try? Peer(connectingTo: pair.relay.endpoint)) != nil }
        #expect(isBack)
    }

    @Test func aResetReachesBothSides() throws {
        let pair = try RelayedPair()
        let (client, server) = try pair.connect()
        pair.relay.reset()
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try client.receive(1) }
        #expect(throws: Peer.Failure(code: ECONNRESET)) { try server.receive(1) }
        let next = try pair.connect()
        try next.client.send([1])
        #expect(try next.server.receive(1) == [1])
    }

    @Test(arguments: [0, 1, 21, 100_000], Relay.Ending.allCases)
    func aCutoffLetsItsBytesThroughAndNoMore(_ bytes: Int, _ ending: Relay.Ending)
        async throws
    {
        let pair = try RelayedPair()
        pair.relay.setCutoff(Relay.Cutoff(bytes: bytes, direction: .down, ending: ending))
        let (client, server) = try pair.connect()
        // A connection that ends meanwhile takes no more.
        try? server.send(pattern(300_000))
        switch ending {
        case .close: #expect(try client.receiveAll() == Array(pattern(300_000).prefix(bytes)))
        case .reset:
            // A reset discards what the client has not read.
            #expect(throws: Peer.Failure(code: ECONNRESET)) { try client.receiveAll() }
        case .silence:
            #expect(try client.receive(bytes) == Array(pattern(300_000).prefix(bytes)))
            #expect(!client.hasSomething(within: 100))
            try client.send([1])
            #expect(try server.receive(1) == [1])
        }
        #expect(await eventually { pair.relay.counts.bytesDown == bytes })
    }
}
