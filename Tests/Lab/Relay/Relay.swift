internal import ByteStream
internal import Glibc
internal import Synchronization

/// A link that misbehaves on demand: accepts TCP connections on a loopback address and forwards
/// them to a target, and can delay, limit, freeze, cut, reset and count what it carries.
///
/// It imitates a link under TCP and not its packets: no stream ever loses a part and goes on, and a
/// sender feels no congestion window. A connection opens as over a real link, one round trip after
/// the client asked, except that the client's own `connect` returns at once. Two threads serve a
/// connection; what is on its way takes at most 32 MiB of memory for each direction.
package final class Relay: Sendable {
    /// Where it listens.
    package let endpoint: Endpoint
    /// To where it forwards.
    package var target: Endpoint { state.target }

    private let state: RelayState

    /// What the relay has carried since its start.
    package struct Counts: Sendable, Hashable {
        /// Bytes delivered to the target, and to clients. A receiver may have them a moment before
        /// they are counted.
        package var bytesUp: UInt64
        package var bytesDown: UInt64
        /// Connections accepted, and those that are there now.
        package var accepted: Int
        package var open: Int

        package init(
            bytesUp: UInt64 = 0, bytesDown: UInt64 = 0, accepted: Int = 0, open: Int = 0
        ) {
            self.bytesUp = bytesUp
            self.bytesDown = bytesDown
            self.accepted = accepted
            self.open = open
        }
    }

    /// How a connection ends that has carried its bytes.
    package enum Ending: Sendable, Hashable, CaseIterable {
        /// Both sides see an orderly end.
        case close
        /// Both sides see a reset.
        case reset
        /// Nothing more passes in that direction, and nobody is told; the rest comes when the
        /// cutoff is lifted.
        case silence
    }

    /// After how many bytes a connection ends, counted for each connection by itself.
    package struct Cutoff: Sendable, Hashable {
        package var bytes: Int
        package var direction: Direction
        package var ending: Ending

        package init(bytes: Int, direction: Direction, ending: Ending = .close) {
            precondition(bytes >= 0, "a count of bytes is not negative")
            self.bytes = bytes
            self.direction = direction
            self.ending = ending
        }
    }

    /// What becomes of bytes that meet a cut.
    package enum CutLoss: Sendable, Hashable {
        /// They wait, as TCP would send them again: connections go on after ``Relay/restore()``.
        case none
        /// They are taken and vanish, those on their way too. A connection that lost any is reset
        /// by ``Relay/restore()``, since its stream has a hole.
        case swallowed
    }

    /// What becomes of connections that are opened during a cut.
    package enum CutArrivals: Sendable, Hashable {
        /// They are accepted and get no answer until ``Relay/restore()``.
        case unanswered
        /// They are refused, as by a machine without a server. Those that wait to be accepted are
        /// reset.
        case refused
    }

    /// Starts a relay, which serves until ``stop()``.
    ///
    /// - Parameter endpoint: port 0 is a free one of the kernel's choice.
    /// - Throws: ``LabError`` where the port is taken; `StreamError` without threads.
    package init(listeningOn endpoint: Endpoint, to target: Endpoint) throws {
        state = try RelayState(target: target)
        let listener = try RelayListener(on: endpoint, state: state)
        self.endpoint = listener.endpoint
        // The thread keeps its listener and no relay, so that one which is forgotten stops.
        try NativeThread.start(name: "relay-accept") { [state] in
            listener.run()
            state.hasEnded.store(true, ordering: .releasing)
        }
    }

    deinit { stop() }

    package var counts: Counts { state.counts }

    /// Sets the time that a byte takes to the other side: a round trip takes twice that.
    ///
    /// - Parameter oneWay: up to an hour. It holds for bytes that come from now on.
    package func setDelay(_ oneWay: Duration, _ directions: Directions = .both) {
        precondition(oneWay >= .zero && oneWay <= .seconds(3_600), "a delay of up to an hour")
        let nanoseconds =
            oneWay.components.seconds * 1_000_000_000
            + oneWay.components.attoseconds / 1_000_000_000
        change(directions) { $0.delay = UInt64(nanoseconds) }
    }

    /// Limits a direction for all connections together. Payload counts, headers do not.
    ///
    /// - Parameter bitsPerSecond: `nil` for as fast as it goes.
    package func setRate(bitsPerSecond: Int?, _ directions: Directions = .both) {
        precondition(bitsPerSecond ?? 1 > 0, "a rate is positive")
        change(directions) { $0.bitsPerSecond = bitsPerSecond.map(UInt64.init) }
    }

    /// Stops everything in both directions; nothing is lost, and connections stay. New ones are
    /// accepted and wait.
    package func freeze() { state.change { $0.isFrozen = true } }

    /// Ends a freeze; a cut stays.
    package func thaw() { state.change { $0.isFrozen = false } }

    /// Cuts one or both directions; the other one flows on, in connections that there are.
    package func cut(
        _ directions: Directions = .both, losing loss: CutLoss = .none,
        arrivals: CutArrivals = .unanswered
    ) {
        state.change { settings in
            for direction in Direction.allCases where directions.contains(direction) {
                settings[direction].flow = loss == .none ? .stalled : .swallowing
            }
            settings.refusesConnections = arrivals == .refused
        }
    }

    /// Ends every cut.
    package func restore() {
        state.change { settings in
            for direction in Direction.allCases { settings[direction].flow = .open }
            settings.refusesConnections = false
        }
    }

    /// Resets every connection there is. What was on its way is lost.
    package func reset() {
        for connection in state.open { connection.reset() }
    }

    /// Ends each connection after a number of its bytes: at any stage of a handshake.
    ///
    /// - Parameter cutoff: `nil` for connections without end. One that has passed its cutoff
    ///   already ends now.
    package func setCutoff(_ cutoff: Cutoff?) { state.change { $0.cutoff = cutoff } }

    /// Resets all connections, and returns when threads and port are free. May be called again.
    package func stop() {
        state.change { $0.isStopping = true }
        reset()
        // The threads look at the settings whenever they are woken: this ends.
        _ = blockingUntil { state.hasEnded.load(ordering: .acquiring) && state.counts.open == 0 }
    }

    private func change(_ directions: Directions, _ body: (inout RelaySettings.Link) -> Void) {
        state.change { settings in
            for direction in Direction.allCases where directions.contains(direction) {
                body(&settings[direction])
            }
        }
    }
}
