internal import ByteStream
internal import Synchronization

/// What the relay's threads share: settings with a version, the link's clocks, counts, and the
/// connections there are.
final class RelayState: Sendable {
    let target: Endpoint
    private let settings = Mutex(RelaySettings())
    private let settingsVersion = Atomic<Int>(1)
    private let connections = Mutex<[Int: RelayConnection]>([:])
    private let accepted = Atomic<Int>(0)
    private let bytesUp = Atomic<UInt64>(0)
    private let bytesDown = Atomic<UInt64>(0)
    /// The thread that accepts is done.
    let hasEnded = Atomic<Bool>(false)
    private let clockUp = LinkClock()
    private let clockDown = LinkClock()
    /// Wakes the thread that accepts.
    let listenerWake: WakeDescriptor

    init(target: Endpoint) throws {
        self.target = target
        listenerWake = try WakeDescriptor()
    }

    /// Grows with every change of the settings; cheap to look at.
    var version: Int { settingsVersion.load(ordering: .acquiring) }

    var current: RelaySettings { settings.withLock { $0 } }

    /// Changes the settings and has every thread look at them.
    func change(_ body: (inout RelaySettings) -> Void) {
        settings.withLock { body(&$0) }
        settingsVersion.add(1, ordering: .acquiringAndReleasing)
        listenerWake.wakePump()
        for connection in open { connection.wake() }
    }

    func clock(_ direction: Direction) -> LinkClock { direction == .up ? clockUp : clockDown }

    func count(_ bytes: Int, _ direction: Direction) {
        switch direction {
        case .up: bytesUp.add(UInt64(bytes), ordering: .relaxed)
        case .down: bytesDown.add(UInt64(bytes), ordering: .relaxed)
        }
    }

    var counts: Relay.Counts {
        Relay.Counts(
            bytesUp: bytesUp.load(ordering: .relaxed),
            bytesDown: bytesDown.load(ordering: .relaxed),
            accepted: accepted.load(ordering: .relaxed),
            open: connections.withLock { $0.count })
    }

    var open: [RelayConnection] { connections.withLock { Array($0.values) } }

    /// A number for a new connection.
    func nextNumber() -> Int { accepted.add(1, ordering: .relaxed).newValue }

    func add(_ connection: RelayConnection) {
        connections.withLock { $0[connection.number] = connection }
        // A stop between the accept and here has not seen it.
        if current.isStopping { connection.reset() }
    }

    func remove(_ connection: RelayConnection) {
        connections.withLock { _ = $0.removeValue(forKey: connection.number) }
    }
}
