/// What a caller decides about connections: who vouches, with which agent, and whether a person
/// is there to be asked.
package struct SSHOptions: Sendable {
    /// The socket of the ssh-agent: the caller's `SSH_AUTH_SOCK`. The configuration's
    /// IdentityAgent comes first.
    package var authSocket: String?
    /// What to do about host keys.
    package var hostKeys: HostKeyPolicy
    /// Asked for the passphrase of a key file; `nil` as an answer gives the key up.
    /// Without it a protected key is only named in the error.
    package var passphrase: (@Sendable (PassphraseQuestion) async -> String?)?
    /// A person is at this process's terminal, so that an `ssh` started on the way may ask there.
    package var isPersonThere: Bool
    /// Called before an `ssh` is started that may ask at the terminal.
    package var clearTerminal: (@Sendable () -> Void)?
    /// A directory of the account's alone, for sockets. With a person there, one login of `ssh`
    /// serves all streams to a host for some seconds, so that the person is asked once.
    package var socketDirectory: String?
    /// How long to wait.
    package var times: SSHTimes

    package init(
        authSocket: String? = nil, hostKeys: HostKeyPolicy,
        passphrase: (@Sendable (PassphraseQuestion) async -> String?)? = nil,
        isPersonThere: Bool = false, times: SSHTimes = SSHTimes()
    ) {
        self.authSocket = authSocket
        self.hostKeys = hostKeys
        self.passphrase = passphrase
        self.isPersonThere = isPersonThere
        self.times = times
    }
}

/// Asks a person for the passphrase of a key file.
package struct PassphraseQuestion: Hashable, Sendable {
    package var keyPath: String
    /// The last answer did not open it.
    package var isRepeated: Bool
}

/// How long each stage of a connection may take.
package struct SSHTimes: Hashable, Sendable {
    /// For `ssh -G`, which may run the commands of `Match exec`.
    package var configuration = Duration.seconds(10)
    /// From the name to an open TCP connection, and again from there to the server's first line.
    /// The configuration's ConnectTimeout comes first.
    package var connect = Duration.seconds(15)
    /// The same behind a proxy, which has a whole login of its own to do.
    package var proxy = Duration.seconds(45)
    /// For the key exchange.
    package var keyExchange = Duration.seconds(15)
    /// For each answer of the server while keys are tried.
    package var answer = Duration.seconds(20)
    /// For the ssh-agent to list its keys.
    package var agentList = Duration.seconds(10)
    /// For the ssh-agent to sign: a key may wait for a touch.
    package var agentSign = Duration.seconds(60)
    /// For the opening of a stream over a connection that stands.
    package var open = Duration.seconds(20)

    package init() {}
}

/// The bounds that this target keeps.
package enum SSHLimits {
    /// Bytes of a command's standard error that are kept.
    package static let diagnostics = 8 << 10
    /// Bytes that a proxy said on standard error that are kept.
    package static let proxyWords = 4 << 10
    /// Bytes of output of `ssh -G` that are read.
    package static let configuration = 1 << 20
    /// Bytes of a known-hosts or key file that are read.
    package static let file = 16 << 20
    /// Bytes that a server may say before its version, and lines that it may take for it.
    package static let greeting = 8 << 10
    /// Bytes that the server may send ahead of the reader, per stream.
    static let window = 4 << 20
    /// Bytes that one stream moves in each direction before the next has its turn.
    static let share = 256 << 10
    /// Bytes of a message of the ssh-agent.
    static let agentMessage = 256 << 10
    /// Commands that wait for a connection's thread.
    static let commands = 256
    /// Passphrases that are tried for one key.
    static let passphrases = 3
    /// Keys that are offered to one server; sshd's MaxAuthTries ends most attempts sooner.
    static let keys = 64
    /// The longest command.
    static let command = 128 << 10
}
