package import ByteStream

/// A command's standard streams on a remote machine: what is read is its standard output, what is
/// written its standard input.
///
/// Both transports keep the bounds of ``StreamLimits`` on this side; a reader that stands still
/// holds back its own command and no other stream.
package protocol RemoteStream: ByteStream {
    /// Says that nothing more will be written: the command reads what was accepted and then the
    /// end of its standard input.
    func finishWriting()

    /// Waits for the command to end.
    ///
    /// - Returns: its code or signal; `nil` if the connection or this stream went first, or the
    ///   waiting task was cancelled.
    nonisolated(nonsending) func exit() async -> RemoteExit?

    /// What the command wrote to standard error so far: the last
    /// ``SSHLimits/diagnostics`` bytes of it.
    var diagnostics: [UInt8] { get }
}

/// Opens streams to one destination and keeps what connections they need. Any number of tasks may
/// use it at once.
package protocol RemoteShell: Sendable {
    /// Starts `command`, which the account's login shell there takes apart as it would a line
    /// typed at it.
    ///
    /// - Throws: ``SSHError``, or `CancellationError`. Where the transport learns only later that
    ///   there is no connection, the stream's first read or write throws the ``SSHError``.
    nonisolated(nonsending) func open(_ command: String) async throws -> any RemoteStream

    /// As ``open(_:)``, over a connection that this stream shares with no other: several of them
    /// move more over a long link than the windows of one connection allow.
    nonisolated(nonsending) func openOnOwnConnection(
        _ command: String
    ) async throws -> any RemoteStream

    /// Takes the socket of the ssh-agent from now on, for connections that are yet to be opened.
    func use(authSocket: String?)

    /// Ends all streams and connections, each with a bounded wait; nothing can be opened after.
    nonisolated(nonsending) func close() async
}

/// How a remote command ended.
package enum RemoteExit: Hashable, Sendable {
    /// By itself, with this code (0–255).
    case code(Int32)
    /// By a signal, named without `SIG`: `KILL`, `TERM`.
    case signal(String)

    /// As a shell shows it: 128 and the number of the signal.
    package var shellCode: Int32 {
        switch self {
        case .code(let code): code
        case .signal(let name): 128 + (Self.numbers[name] ?? 0)
        }
    }

    /// The signals that RFC 4254 names (6.10), with their numbers on Linux.
    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10,
        "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
    ]
}
