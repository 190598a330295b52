internal import ByteStream
internal import CLibSSH
internal import CLinux
internal import Glibc

/// The life of a connection that stands, on its own thread: takes new channels, moves the bytes of
/// all of them in turns, and sleeps in `poll` where nobody has anything to do.
struct ConnectionLoop {
    private let session: SSHSession
    private let shared: ConnectionState
    private var channels: [SSHChannel] = []
    /// Whose turn is first: it moves on, so that none is always last.
    private var first = 0
    private var closeDeadline: ContinuousClock.Instant?

    init(_ session: SSHSession, _ shared: ConnectionState) {
        self.session = session
        self.shared = shared
    }

    /// Returns when the connection is over; the session is not freed.
    ///
    /// - Returns: why it broke, or `nil` if it was asked to end.
    mutating func run() -> SSHError? {
        while true {
            takeCommands()
            session.takeInput()
            let received = session.received
            let isBusy = serve()
            guard session.isAlive else { return lost() }
            if isFinished { return nil }
            // What a call took from the socket may concern a channel that had its turn before.
            let mustLook =
                isBusy || session.received != received
                || channels.contains { $0.canSend }
            sleep(mustLook)
        }
    }

    /// Fails what is left of the channels and frees them.
    mutating func end(_ reason: SSHError?) {
        for state in shared.shut() { state.fail(reason ?? .closed, shared.streamError(reason)) }
        for channel in channels {
            if let reason { channel.state.fail(reason, shared.streamError(reason)) }
            channel.free()
        }
        channels = []
    }

    private mutating func takeCommands() {
        for state in shared.takeCommands() {
            do {
                channels.append(try SSHChannel(state, session))
            } catch {
                state.fail(error, shared.streamError(error))
            }
        }
        if closeDeadline == nil, shared.isClosing {
            closeDeadline = .now + StreamLimits.linger
            for channel in channels { channel.state.requestClose() }
        }
    }

    private mutating func serve() -> Bool {
        var isBusy = false
        let start = channels.isEmpty ? 0 : first % channels.count
        for index in channels.indices {
            guard session.isAlive else { return false }
            let channel = channels[(start + index) % channels.count]
            isBusy = channel.serve() || isBusy
        }
        first &+= 1
        for channel in channels where channel.isOver { channel.free() }
        channels.removeAll { $0.isOver }
        shared.note(sessions: channels.count { $0.holdsSession })
        return isBusy
    }

    private var isFinished: Bool {
        guard let closeDeadline else { return false }
        return channels.isEmpty || closeDeadline <= .now
    }

    private func sleep(_ mustLook: Bool) {
        var polls = [
            pollfd(fd: shared.waker.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: session.descriptor, events: Int16(session.interest), revents: 0),
        ]
        let deadlines = channels.compactMap(\.deadline) + (closeDeadline.map { [$0] } ?? [])
        let next = deadlines.min().map { Patience.milliseconds(until: $0) }
        // Interrupted or not, the loop looks again.
        guard poll(&polls, 2, mustLook ? 0 : next ?? -1) > 0 else { return }
        if polls[0].revents != 0 { shared.waker.reset() }
    }

    private func lost() -> SSHError {
        SSHError(
            .lost, "the connection to `\(shared.name)` broke: \(session.lastWords)",
            hint: "ssh \(shared.byHand) uptime")
    }
}
