internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// One connection through the relay: a socket on either side, and a thread for each direction. The
/// thread that ends last closes both sockets.
final class RelayConnection: Sendable {
    enum Phase: Int, AtomicRepresentable {
        case open
        /// Both sides were told the end; what still comes is thrown away.
        case closing
        /// Both sides are to see a reset.
        case reset
    }

    let number: Int
    let state: RelayState
    let client: Int32
    private let targetSocket = Atomic<Int32>(-1)
    private let currentPhase = Atomic<Phase>(.open)
    private let lanesLeft = Atomic<Int>(2)
    private let wakeUp: WakeDescriptor
    private let wakeDown: WakeDescriptor
    /// When the client's first byte and the target's end of the handshake could have passed.
    private let opensAt: UInt64
    private let connectsAt: UInt64

    /// - Parameter client: the accepted socket, which it closes at its end.
    init(client: consuming OwnedDescriptor, state: RelayState) throws {
        wakeUp = try WakeDescriptor()
        wakeDown = try WakeDescriptor()
        self.state = state
        number = state.nextNumber()
        // The kernel has answered the client's handshake at once; over the link it would have
        // taken one round trip, and its last packet one way more to the target.
        let settings = state.current
        opensAt = LinkClock.now + settings.up.delay + settings.down.delay
        connectsAt = opensAt + settings.up.delay
        Self.prepare(client.raw, isLimited: settings.down.bitsPerSecond != nil)
        self.client = client.release()
    }

    /// Starts both threads; they keep the connection alive.
    func start() throws {
        state.add(self)
        for direction in Direction.allCases {
            do {
                try NativeThread.start(name: "relay-\(direction)") { self.run(direction) }
            } catch {
                reset()
                end()
                if direction == .up { end() }
                throw error
            }
        }
    }

    /// The target's socket, -1 before there is one.
    var target: Int32 { targetSocket.load(ordering: .acquiring) }

    var phase: Phase { currentPhase.load(ordering: .acquiring) }

    func wakeDescriptor(_ direction: Direction) -> WakeDescriptor {
        direction == .up ? wakeUp : wakeDown
    }

    func wake() {
        wakeUp.wakePump()
        wakeDown.wakePump()
    }

    /// Ends the connection so that both sides see a reset.
    func reset() {
        currentPhase.store(.reset, ordering: .releasing)
        wake()
    }

    /// Ends the connection so that both sides see an orderly end after what was delivered.
    func closeOrderly() {
        let (isFirst, _) = currentPhase.compareExchange(
            expected: .open, desired: .closing, ordering: .acquiringAndReleasing)
        guard isFirst else { return }
        shutdown(client, Int32(SHUT_WR))
        shutdown(target, Int32(SHUT_WR))
        wake()
    }

    private func run(_ direction: Direction) {
        defer { end() }
        do {
            let timer = try LaneTimer()
            if direction == .down {
                guard try connectTarget(timer) else { return }
            }
            let lane = try Lane(
                self, direction, opensAt: direction == .up ? opensAt : 0, timer: timer)
            lane.run()
        } catch {
            // Out of descriptors: the client sees a broken connection.
            reset()
        }
    }

    /// Connects once a handshake could have passed the link.
    ///
    /// - Returns: false if the connection ended before.
    private func connectTarget(_ timer: borrowing LaneTimer) throws -> Bool {
        while true {
            guard phase == .open else { return false }
            let passes = state.current.passesHandshakes
            if passes, LinkClock.now >= connectsAt { break }
            timer.wait(for: [], wake: wakeDown, until: passes ? connectsAt : nil)
        }
        let socket = try LoopbackSocket.stream(nonBlocking: true)
        Self.prepare(socket.raw, isLimited: state.current.up.bitsPerSecond != nil)
        var code = LoopbackSocket.connect(socket.raw, to: state.target)
        while code == EINPROGRESS {
            timer.wait(for: [(socket.raw, Int32(POLLOUT))], wake: wakeDown, until: nil)
            guard phase == .open else {
                // The target may have accepted already, and sees what the client sees.
                if phase == .reset { LoopbackSocket.resetOnClose(socket.raw) }
                return false
            }
            code = LoopbackSocket.connectionState(socket.raw)
        }
        guard code == 0 else {
            reset()
            return false
        }
        targetSocket.store(socket.release(), ordering: .releasing)
        wakeUp.wakePump()
        return true
    }

    /// Called by each thread at its end.
    private func end() {
        guard lanesLeft.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        for socket in [client, target] where socket >= 0 {
            if phase == .reset { LoopbackSocket.resetOnClose(socket) }
            close(socket)
        }
        state.remove(self)
    }

    /// Small packets leave at once, and the kernel's own buffers are not what limits a fast link.
    /// On a slow link they stay as the kernel sizes them, so that a sender feels the link soon.
    private static func prepare(_ socket: Int32, isLimited: Bool) {
        LoopbackSocket.setOption(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        guard !isLimited else { return }
        for name in [SO_RCVBUFFORCE, SO_SNDBUFFORCE] {
            LoopbackSocket.setOption(socket, SOL_SOCKET, name, 4 << 20)
        }
    }
}
