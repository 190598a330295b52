internal import ByteStream
internal import Synchronization

/// What a connection's users and its thread share: new channels on their way in, and how full it
/// is.
final class ConnectionState: Sendable {
    /// As the person calls the machine.
    let name: String
    /// ``SSHTarget/byHand``.
    let byHand: String
    let waker: WakeDescriptor
    /// Calls the making of the connection off.
    let stop: StopSign
    /// Whether it stands.
    let standing = Promise<Result<Void, SSHError>>()
    /// The socket is closed and the session freed.
    let end = Gate()
    private let onChange: @Sendable () -> Void
    private let state = Mutex(State())

    private struct State {
        var commands: [ChannelState] = []
        /// In the hands of the thread.
        var sessions = 0
        /// Places given to commands that have yet to come.
        var reserved = 0
        var isClosing = false
        /// The thread takes nothing more.
        var isShut = false
    }

    /// - Parameter onChange: called when the connection has more room than before, or has ended.
    init(
        target: SSHTarget, onChange: @escaping @Sendable () -> Void
    ) throws(SSHError) {
        name = target.host
        byHand = target.byHand
        self.onChange = onChange
        do {
            waker = try WakeDescriptor()
            stop = try StopSign()
        } catch {
            throw .ofSystem(error)
        }
    }

    /// Sessions that the server counts, those that are about to be opened among them.
    var sessions: Int { state.withLock { $0.sessions + $0.commands.count + $0.reserved } }

    /// Keeps a place for the next ``submit(_:)``.
    func reserve() { state.withLock { $0.reserved += 1 } }

    var isClosing: Bool { state.withLock { $0.isClosing } }
    var isShut: Bool { state.withLock { $0.isShut } }

    /// Takes a reserved place, whatever becomes of it.
    ///
    /// - Throws: ``SSHError`` if the connection has ended, or its line is full.
    func submit(_ channel: ChannelState) throws(SSHError) {
        let refusal: SSHError? = state.withLock { state in
            state.reserved -= 1
            if state.isShut || state.isClosing { return .closed }
            guard state.commands.count < SSHLimits.commands else {
                return SSHError(
                    .sessionLimit, "too many commands wait for the connection to `\(name)`",
                    hint: "ssh \(byHand) uptime")
            }
            state.commands.append(channel)
            return nil
        }
        if let refusal { throw refusal }
        waker.wakePump()
    }

    func requestClose() {
        state.withLock { $0.isClosing = true }
        stop.raise()
        waker.wakePump()
    }

    // MARK: For the thread

    func takeCommands() -> [ChannelState] {
        state.withLock { state in
            defer { state.commands = [] }
            // Counted on, until ``note(sessions:)`` says otherwise.
            state.sessions += state.commands.count
            return state.commands
        }
    }

    func note(sessions: Int) {
        let hasRoom = state.withLock { state in
            defer { state.sessions = sessions }
            return sessions < state.sessions
        }
        if hasRoom { onChange() }
    }

    /// - Returns: what came too late.
    func shut() -> [ChannelState] {
        let late = state.withLock { state in
            defer { state.commands = [] }
            state.isShut = true
            state.sessions = 0
            return state.commands
        }
        onChange()
        return late
    }

    /// The errno and words that a stream's reader gets.
    func streamError(_ reason: SSHError?) -> StreamError {
        guard let reason else { return StreamError(operation: "read", errno: 0) }
        return StreamError(operation: reason.message, errno: 104)
    }
}

extension SSHError {
    /// Whoever asks closed it.
    static let closed = SSHError(.lost, "the connection was closed here", hint: nil)
}
