internal import ByteStream
internal import CLibSSH
internal import CLinux
internal import Glibc

/// A channel of libssh in the hands of its connection's thread: moves bytes between it and the
/// queues of its ``ChannelState``, a share at a time.
final class SSHChannel {
    let state: ChannelState
    private let session: SSHSession
    private let raw: ssh_channel
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>
    private var phase = Phase.opening
    /// Something arrived that was not looked at yet.
    fileprivate var hasInput = true
    fileprivate var isClosedRemotely = false
    fileprivate var exit: RemoteExit?
    private var wasOpened = false
    private var isInputOpen = true
    private var isOutputOpen = true
    /// Read since the window was last made wide.
    private var consumed = 0
    private var closeDeadline: ContinuousClock.Instant?
    /// What had arrived when libssh took none of the bytes that it had room for.
    private var refusedAt: UInt64?

    private enum Phase {
        case opening, requesting, open
        /// Nothing more to do but to be freed.
        case over
    }

    /// - Throws: ``SSHError`` where libssh is out of memory.
    init(_ state: ChannelState, _ session: SSHSession) throws(SSHError) {
        guard let channel = ssh_channel_new(session.raw) else { throw SSHSession.outOfMemory }
        self.state = state
        self.session = session
        raw = channel
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: ssh_channel_callbacks_struct())
        listen()
    }

    /// It can be freed.
    var isOver: Bool { phase == .over }
    /// The server counts it among its sessions.
    var holdsSession: Bool { !isClosedRemotely && phase != .over }
    /// When it must be looked at again whatever happens.
    var deadline: ContinuousClock.Instant? {
        guard phase == .opening || phase == .requesting else { return closeDeadline }
        return state.opening.current == nil ? state.deadline : nil
    }

    /// Moves what can be moved now.
    ///
    /// - Returns: whether there is more to do at once.
    func serve() -> Bool {
        switch phase {
        case .opening, .requesting:
            open()
            if case .open = phase { return true }
            return false
        case .open:
            let more = receive()
            let unsent = send()
            considerEnd()
            return more || unsent
        case .over: return false
        }
    }

    /// Frees it, having told the server. The session must live.
    func free() {
        ssh_remove_channel_callbacks(raw, callbacks)
        // One that the server refused has no number there: what is sent to it would reach another.
        if session.isAlive, wasOpened, !isClosedRemotely {
            // The first sends the end of the input, and may be told to come again for the rest.
            _ = ssh_channel_send_eof(raw)
            _ = ssh_channel_close(raw)
        }
        ssh_channel_free(raw)
        callbacks.deinitialize(count: 1)
        callbacks.deallocate()
        state.exit.fulfil(exit)
        state.outbound.refuse(StreamError(operation: "write", errno: EPIPE))
        state.inbound.finish()
        state.end.open()
    }

    // MARK: Opening

    /// To be run on the server.
    private static let lookAtServer = "grep -nE 'MaxSessions|ForceCommand' /etc/ssh/sshd_config"

    private func open() {
        if case .opening = phase {
            switch ssh_channel_open_session(raw) {
            case SSH_OK:
                phase = .requesting
                wasOpened = true
            case SSH_AGAIN: expire()
            case _ where !session.isAlive: return
            default:
                refuse(
                    SSHError(
                        .sessionLimit,
                        "the server opens no further session (MaxSessions): "
                            + session.lastWords,
                        hint: "ssh \(state.byHand) \(SSHError.quoted(Self.lookAtServer))"))
            }
        }
        guard case .requesting = phase else { return }
        switch ssh_channel_request_exec(raw, state.command) {
        case SSH_OK:
            phase = .open
            state.opening.fulfil(.success(()))
        case SSH_AGAIN: expire()
        case _ where !session.isAlive: return
        default:
            refuse(
                SSHError(
                    .unsupported,
                    "the server does not start commands (ForceCommand): \(session.lastWords)",
                    hint: "ssh \(state.byHand) \(SSHError.quoted(Self.lookAtServer))"))
        }
    }

    /// A channel whose opening is given up stays until the server has answered: it would count
    /// against the server's limit unseen.
    private func expire() {
        guard state.deadline <= .now || state.isClosing else { return }
        state.opening.fulfil(
            .failure(
                SSHError(
                    .timedOut, "`\(state.name)` does not answer on a connection that stood",
                    hint: "ssh \(state.byHand) uptime")))
    }

    private func refuse(_ error: SSHError) {
        state.opening.fulfil(.failure(error))
        phase = .over
    }

    // MARK: From the server

    private func receive() -> Bool {
        guard hasInput else { return false }
        hasInput = false
        var budget = SSHLimits.share
        while readErrors(&budget) {}
        while isInputOpen, budget > 0 {
            let available = Int(ssh_channel_poll(raw, 0))
            guard available > 0 else { break }
            if state.isClosing {
                discard(available)
                budget -= available
                continue
            }
            let space = min(state.inbound.freeSpace(), SSHLimits.share)
            guard space > 0 else {
                // The reader wakes the thread; what stands here is looked at then.
                hasInput = true
                return false
            }
            budget -= take(available, space)
        }
        if budget <= 0 {
            hasInput = true
            return true
        }
        if isInputOpen, ssh_channel_is_eof(raw) != 0 {
            isInputOpen = false
            state.inbound.finish()
        }
        return false
    }

    /// Hands the reader up to `space` of the `available` bytes.
    private func take(_ available: Int, _ space: Int) -> Int {
        let count = min(available, space)
        if consumed >= SSHLimits.window / 8, available <= space { return takeWidening(space) }
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            let got = ssh_channel_read_timeout(raw, buffer.baseAddress, UInt32(count), 0, 0)
            length = max(0, Int(got))
        }
        consumed += bytes.count
        state.inbound.append(bytes)
        return max(1, bytes.count)
    }

    /// As above, and lets the server send a whole window ahead: libssh widens it to what a read
    /// asks for.
    private func takeWidening(_ space: Int) -> Int {
        consumed = 0
        let got = Int(
            ssh_channel_read_timeout(raw, session.scratch, UInt32(SSHLimits.window), 0, 0))
        let bytes = UnsafeRawBufferPointer(start: session.scratch, count: max(0, got))
        state.inbound.append(Array(bytes.prefix(space)))
        // It returns what stood there; if it ever returned more, bytes would be missing.
        if got > space {
            state.inbound.fail(StreamError(operation: "read from libssh", errno: EOVERFLOW))
        }
        return max(1, got)
    }

    private func discard(_ count: Int) {
        var buffer = [UInt8](repeating: 0, count: min(count, 64 << 10))
        _ = ssh_channel_read_timeout(raw, &buffer, UInt32(buffer.count), 0, 0)
    }

    private func readErrors(_ budget: inout Int) -> Bool {
        guard budget > 0, ssh_channel_poll(raw, 1) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = ssh_channel_read_timeout(raw, &buffer, UInt32(buffer.count), 1, 0)
        guard count > 0 else { return false }
        state.diagnostics.append(buffer.prefix(Int(count)))
        budget -= Int(count)
        return true
    }
}

// MARK: To the server, and the end

extension SSHChannel {
    /// The queue holds bytes that the server would take, and libssh too.
    var canSend: Bool {
        phase == .open && isOutputOpen && !session.hasUnsent && state.outbound.count > 0
            && ssh_channel_window_size(raw) > 0 && session.received != refusedAt
    }

    /// - Returns: whether more could go at once.
    private func send() -> Bool {
        var budget = SSHLimits.share
        while isOutputOpen {
            guard !isClosedRemotely else {
                isOutputOpen = false
                state.outbound.refuse(StreamError(operation: "write", errno: EPIPE))
                return false
            }
            // What libssh holds back goes first, so that no channel fills its memory.
            guard budget > 0, !session.hasUnsent else { return budget <= 0 }
            guard let chunk = state.outbound.nextChunk() else {
                if state.outbound.isDrained {
                    isOutputOpen = false
                    _ = ssh_channel_send_eof(raw)
                }
                return false
            }
            let limit = min(chunk.count, budget, Int(ssh_channel_window_size(raw)))
            guard limit > 0 else { return false }
            let sent = chunk.withUnsafeBytes {
                Int(ssh_channel_write(raw, $0.baseAddress, UInt32(limit)))
            }
            if sent < 0, session.isAlive { isClosedRemotely = true }
            guard sent > 0 else {
                // None go while keys are exchanged anew; what arrives ends that.
                refusedAt = session.received
                return sent < 0 && session.isAlive
            }
            state.outbound.removeFirst(sent)
            budget -= sent
        }
        return false
    }

    /// The channel is over when both sides are done with it, or its user gave it up.
    private func considerEnd() {
        if state.isClosing {
            let deadline = closeDeadline ?? .now + StreamLimits.linger
            closeDeadline = deadline
            let isSent = !isOutputOpen && !session.hasUnsent
            if isSent || isClosedRemotely || deadline <= .now { phase = .over }
        } else if isClosedRemotely, !isInputOpen {
            phase = .over
        }
    }

    // MARK: What libssh reports

    private func listen() {
        callbacks.pointee.size = MemoryLayout<ssh_channel_callbacks_struct>.size
        callbacks.pointee.userdata = Unmanaged.passUnretained(self).toOpaque()
        callbacks.pointee.channel_data_function = { _, _, _, _, _, channel in
            SSHChannel.of(channel)?.hasInput = true
            return 0
        }
        callbacks.pointee.channel_eof_function = { _, _, channel in
            SSHChannel.of(channel)?.hasInput = true
        }
        callbacks.pointee.channel_close_function = { _, _, channel in
            guard let channel = SSHChannel.of(channel) else { return }
            channel.hasInput = true
            channel.isClosedRemotely = true
            channel.state.exit.fulfil(channel.exit)
        }
        callbacks.pointee.channel_exit_status_function = { _, _, status, channel in
            SSHChannel.of(channel)?.learn(.code(status))
        }
        callbacks.pointee.channel_exit_signal_function = { _, _, signal, _, _, _, channel in
            SSHChannel.of(channel)?.learn(.signal(signal.map { String(cString: $0) } ?? ""))
        }
        ssh_set_channel_callbacks(raw, callbacks)
    }

    /// The channel outlives its callbacks: they are taken off before it goes.
    private static func of(_ pointer: UnsafeMutableRawPointer?) -> SSHChannel? {
        pointer.map { Unmanaged<SSHChannel>.fromOpaque($0).takeUnretainedValue() }
    }

    private func learn(_ ending: RemoteExit) {
        exit = ending
        state.exit.fulfil(ending)
    }
}
