import Glibc
import Lab
import TestSupport
import Testing

/// Many connections under faults that a seed draws.
@Suite struct RelayStressTests {
    /// What arrives is always a beginning of what was sent, and nothing stays open.
    @Test func faultsLeaveNoHoleAndNoConnection() async throws {
        var random = SeededGenerator.forTest()
        let pair = try RelayedPair()
        let bytes = pattern(1_000_000)
        for _ in 0..<6 {
            let connections = try (0..<8).map { _ in try pair.connect() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (client, server) in connections {
                    group.addTask { await send(bytes, client) }
                    group.addTask { try await expectBeginning(of: bytes, server) }
                }
                for _ in 0..<30 { disturb(pair.relay, &random) }
                heal(pair.relay)
                try await group.waitForAll()
            }
        }
        #expect(await eventually { pair.relay.counts.open == 0 })
        #expect(try await descriptorsAreFewer(than: 30))
    }

    private func send(_ bytes: [UInt8], _ client: Peer) async {
        // A connection that is reset meanwhile takes no more.
        try? await blocking {
            try client.send(bytes)
            client.finishSending()
            _ = try client.receiveAll()
        }
    }

    private func expectBeginning(of bytes: [UInt8], _ server: Peer) async throws {
        let received = try await blocking { () -> [UInt8] in
            var all: [UInt8] = []
            do {
                while true {
                    let some = try server.receive(10_000)
                    if some.isEmpty { break }
                    all += some
                }
            } catch let failure as Peer.Failure where failure.code == ECONNRESET {
                return all
            }
            server.finishSending()
            return all
        }
        #expect(received == Array(bytes.prefix(received.count)))
    }

    private func disturb(_ relay: Relay, _ random: inout SeededGenerator) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: relay.freeze()
        case 1: relay.thaw()
        case 2: relay.cut([.up, .down, .both].randomElement(using: &random)!)
        case 3: relay.cut(.up, losing: .swallowed)
        case 4: relay.cut(.down, losing: .swallowed)
        case 5: relay.restore()
        case 6: relay.setDelay(.microseconds(Int.random(in: 0...3_000, using: &random)))
        case 7: relay.setRate(bitsPerSecond: Int.random(in: 1...800, using: &random) * 1_000_000)
        case 8: relay.setRate(bitsPerSecond: nil)
        default: if Int.random(in: 0..<4, using: &random) == 0 { relay.reset() }
        }
        // The pause between two faults, so that some meet bytes on their way.
        usleep(UInt32.random(in: 0...5_000, using: &random))
    }

    private func heal(_ relay: Relay) {
        relay.thaw()
        relay.restore()
        relay.setDelay(.zero)
        relay.setRate(bitsPerSecond: nil)
    }

    /// Those of the relay go with its connections, those of the test with its peers.
    private func descriptorsAreFewer(than limit: Int) async throws -> Bool {
        await eventually {
            (3..<200).count { fcntl($0, F_GETFD) >= 0 } < limit
        }
    }
}
