internal import ByteStream
internal import CLinux
internal import Glibc

/// One direction of one connection, on a thread of its own: takes bytes from one socket, keeps
/// them for the time that the link takes, and delivers them to the other.
final class Lane {
    private let connection: RelayConnection
    private let state: RelayState
    private let direction: Direction
    private let clock: LinkClock
    private let wake: WakeDescriptor
    private let timer: LaneTimer
    private let opensAt: UInt64

    private var settings = RelaySettings()
    private var version = 0
    private var queue = LaneQueue()
    private var delivered: UInt64 = 0
    /// When the end of the stream is due, once it came.
    private var endDue: UInt64?
    /// Bytes are missing from the stream: it cannot go on.
    private var hasHole = false
    /// The receiver's socket is full.
    private var isBlocked = false

    /// - Parameter opensAt: before which it takes nothing.
    init(
        _ connection: RelayConnection, _ direction: Direction, opensAt: UInt64,
        timer: consuming LaneTimer
    ) throws {
        self.connection = connection
        self.direction = direction
        self.opensAt = opensAt
        self.timer = timer
        state = connection.state
        clock = state.clock(direction)
        wake = connection.wakeDescriptor(direction)
    }

    /// Runs until the direction has ended, or the connection.
    func run() {
        while true {
            refresh()
            switch connection.phase {
            case .reset: return
            case .closing:
                if endDue != nil || swallow() == .ended { return }
                wait(until: nil)
            case .open:
                if advance() { return }
            }
        }
    }

    private func refresh() {
        guard state.version != version else { return }
        version = state.version
        settings = state.current
    }

    private enum Progress { case moved, idle, ended }

    /// One turn of an open connection.
    ///
    /// - Returns: whether the direction is done.
    private func advance() -> Bool {
        switch settings.flow(direction) {
        case .stalled:
            wait(until: nil)
        case .swallowing:
            hasHole = hasHole || !queue.isEmpty
            queue.discard()
            if swallow() == .ended { endDue = LinkClock.now }
            wait(until: nil)
        case .open where hasHole:
            connection.reset()
        case .open:
            let now = LinkClock.now
            queue.ripen(now: now)
            let delivery = deliver(now)
            if delivery == .ended { return true }
            if take(now) == .idle, delivery == .idle { wait(until: nextMoment(now)) }
        }
        return false
    }

    // MARK: taking

    private var source: Int32 { direction == .up ? connection.client : connection.target }
    private var destination: Int32 { direction == .up ? connection.target : connection.client }

    /// The moment from which it may take more, `nil` while its queue is full or has the end.
    private var takesAt: UInt64? {
        guard endDue == nil, queue.hasRoom else { return nil }
        guard settings[direction].bitsPerSecond != nil else { return opensAt }
        return max(opensAt, clock.acceptsAt)
    }

    private func take(_ now: UInt64) -> Progress {
        guard let takesAt, takesAt <= now else { return .idle }
        let link = settings[direction]
        let limit = link.bitsPerSecond.map(LinkClock.portion) ?? .max
        let source = source
        let count = queue.take(atMost: limit) { recv(source, $0, $1, Int32(MSG_DONTWAIT)) }
        // What was sent after a change is delayed by it, though this turn began before.
        refresh()
        let delay = settings[direction].delay
        if count > 0 {
            let left = link.bitsPerSecond.map {
                clock.reserve(count, bitsPerSecond: $0, now: now)
            }
            queue.schedule(due: (left ?? now) + delay)
            return .moved
        }
        if count == 0 {
            endDue = now + delay
            return .moved
        }
        if [EAGAIN, EINTR].contains(errno) { return .idle }
        connection.reset()
        return .moved
    }

    /// Takes what there is and throws it away.
    private func swallow() -> Progress {
        guard endDue == nil, source >= 0 else { return .idle }
        let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 65_536, alignment: 64)
        defer { nowhere.deallocate() }
        while true {
            let count = recv(source, nowhere, 65_536, Int32(MSG_DONTWAIT))
            if count > 0 {
                hasHole = true
                continue
            }
            if count < 0, [EAGAIN, EINTR].contains(errno) { return .idle }
            hasHole = true
            return .ended
        }
    }

    // MARK: delivering

    /// How many bytes may still pass before the cutoff, if it is one of this direction.
    private var allowance: Int {
        guard let cutoff = settings.cutoff, cutoff.direction == direction else { return .max }
        return max(0, cutoff.bytes - Int(delivered))
    }

    private func deliver(_ now: UInt64) -> Progress {
        let destination = destination
        guard destination >= 0 else { return .idle }
        isBlocked = false
        if allowance == 0 { return cutOff() }
        if queue.overdue == 0 {
            guard let endDue, queue.isEmpty, endDue <= now else { return .idle }
            shutdown(destination, Int32(SHUT_WR))
            return .ended
        }
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let count = queue.deliver(atMost: allowance) { send(destination, $0, $1, flags) }
        if count > 0 {
            delivered += UInt64(count)
            state.count(count, direction)
            return allowance == 0 ? cutOff() : .moved
        }
        if [EAGAIN, EINTR].contains(errno) {
            isBlocked = true
            return .idle
        }
        connection.reset()
        return .moved
    }

    /// The cutoff is reached.
    private func cutOff() -> Progress {
        switch settings.cutoff?.ending {
        case .reset:
            connection.reset()
            return .moved
        case .close:
            connection.closeOrderly()
            return .moved
        case .silence, nil:
            return .idle
        }
    }

    // MARK: waiting

    /// When there is something to do though no socket has become ready.
    private func nextMoment(_ now: UInt64) -> UInt64? {
        let takes = takesAt.flatMap { $0 > now ? $0 : nil }
        let due = queue.nextDue ?? (queue.isEmpty ? endDue : nil)
        let delivers = destination >= 0 && allowance > 0 ? due : nil
        return [takes, delivers].compactMap { $0 }.min()
    }

    private func wait(until moment: UInt64?) {
        var sockets: [(descriptor: Int32, events: Int32)] = []
        if wantsToTake { sockets.append((source, Int32(POLLIN))) }
        if isBlocked { sockets.append((destination, Int32(POLLOUT))) }
        timer.wait(for: sockets, wake: wake, until: moment)
    }

    private var wantsToTake: Bool {
        guard source >= 0, endDue == nil else { return false }
        if connection.phase != .open { return true }
        return switch settings.flow(direction) {
        case .stalled: false
        case .swallowing: true
        case .open: takesAt.map { $0 <= LinkClock.now } ?? false
        }
    }
}
