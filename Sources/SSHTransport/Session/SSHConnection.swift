internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// One connection of libssh's to one server, on a thread of its own: resolved, connected, verified,
/// logged in, and then as many streams over it as the server allows.
final class SSHConnection: Sendable {
    private let state: ConnectionState
    private let times: SSHTimes

    private init(_ state: ConnectionState, _ times: SSHTimes) {
        self.state = state
        self.times = times
    }

    deinit { state.requestClose() }

    /// Connects. Cancelling the task gives the attempt up.
    ///
    /// - Parameter onChange: called when it has more room than before, or has ended.
    /// - Throws: ``SSHError``; `CancellationError`.
    static func open(
        _ target: SSHTarget, _ options: SSHOptions,
        onChange: @escaping @Sendable () -> Void
    ) async throws -> SSHConnection {
        let state = try ConnectionState(target: target, onChange: onChange)
        do {
            try NativeThread.start(name: "ssh-\(target.host)") {
                ConnectionThread(target: target, options: options, state: state).run()
            }
        } catch {
            throw SSHError.ofSystem(error)
        }
        let connection = SSHConnection(state, options.times)
        guard let outcome = await state.standing.value() else {
            state.requestClose()
            throw CancellationError()
        }
        try outcome.get()
        return connection
    }

    /// Keeps a place for one ``open(_:)``.
    func reserve() { state.reserve() }

    /// Sessions that the server counts, and places that are kept.
    var sessions: Int { state.sessions }
    /// It takes no more streams.
    var isOver: Bool { state.isShut || state.isClosing }

    /// Starts a command, in a place that was kept with ``reserve()``.
    ///
    /// - Throws: ``SSHError``; `CancellationError`.
    func open(_ command: String) async throws -> LibSSHStream {
        let channel = ChannelState(
            command, name: state.name, byHand: state.byHand, deadline: .now + times.open)
        try state.submit(channel)
        let stream = LibSSHStream(channel, state)
        guard let outcome = await channel.opening.value() else {
            stream.requestClose()
            throw CancellationError()
        }
        try outcome.get()
        return stream
    }

    /// Ends all its streams; returns when the socket is closed.
    func close() async {
        state.requestClose()
        await state.end.wait()
    }
}

/// A command's streams over a connection of libssh's.
package final class LibSSHStream: RemoteStream {
    private let channel: ChannelState
    private let connection: ConnectionState

    init(_ channel: ChannelState, _ connection: ConnectionState) {
        self.channel = channel
        self.connection = connection
    }

    deinit { requestClose() }

    package nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        try await channel.inbound.read(
            atMost: min(limit, StreamLimits.buffer), waking: connection.waker)
    }

    package nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await channel.outbound.write(bytes, waking: connection.waker)
    }

    /// As ``RemoteStream/finishWriting()``.
    package func finishWriting() { channel.outbound.finish(waking: connection.waker) }

    package nonisolated(nonsending) func exit() async -> RemoteExit? {
        await channel.exit.value() ?? nil
    }

    package var diagnostics: [UInt8] { channel.diagnostics.bytes }

    package nonisolated(nonsending) func close() async {
        requestClose()
        await channel.end.wait()
    }

    func requestClose() {
        channel.requestClose()
        connection.waker.wakePump()
    }
}
