import Dispatch
import Lab

/// A target, a relay in front of it, and connections through both.
final class RelayedPair {
    let target: PeerListener
    let relay: Relay

    init() throws {
        target = try PeerListener()
        relay = try Relay(
            listeningOn: Endpoint(address: "127.0.1.8", port: 0), to: target.endpoint)
    }

    deinit { relay.stop() }

    /// A new connection, by its two ends.
    func connect() throws -> (client: Peer, server: Peer) {
        (try Peer(connectingTo: relay.endpoint), try target.accept())
    }
}

/// Runs what blocks on a thread of its own, so that a test can do the other side of it.
func blocking<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "lab-test").async {
            continuation.resume(with: Result(catching: body))
        }
    }
}

/// Bytes that differ from place to place, so that a hole or a swap shows.
func pattern(_ count: Int) -> [UInt8] {
    var value: UInt32 = 1
    return (0..<count).map { _ in
        value = value &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: value >> 24)
    }
}
