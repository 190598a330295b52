internal import ByteStream
internal import Glibc
internal import Synchronization

/// A real sshd on a loopback address, with host keys, configuration, authorized keys and a log of
/// its own. Its owner stops it.
///
/// It serves one account and refuses all others. It can be stopped and started again: address, port
/// and host keys stay.
package final class SSHServer: Sendable {
    /// Where it listens.
    package let endpoint: Endpoint
    /// Where its files are.
    package let directory: String
    /// In the order in which they were asked for.
    package let hostKeys: [KeyPair]
    package let options: Options
    private let process: Mutex<Command?>

    /// How a server is set up.
    package struct Options: Sendable {
        /// The account that it lets in; `nil` for the present one.
        package var account: String?
        /// 0 for a free one.
        package var port: UInt16 = 0
        package var hostKeyTypes: [KeyType] = [.ed25519]
        /// Lines of `sshd_config` that stand in front of the lab's own and win over them:
        /// `MaxSessions 1`, `ForceCommand …`, `Banner …`, `HostKeyAlgorithms …`.
        package var lines: [String] = []
        /// Public keys that it accepts, as lines of `authorized_keys`.
        package var authorizedKeys: [String] = []

        package init() {}
    }

    /// Starts one and waits until it sends its banner; blocks its thread.
    ///
    /// - Parameters:
    ///   - address: of this machine, as 127.0.1.1.
    ///   - directory: one of its own; it is made if it is not there. Host keys that are in it are
    ///     used again.
    /// - Throws: ``LabError`` with the last lines of its log.
    package init(address: String, directory: String, options: Options = Options()) throws {
        self.directory = directory
        self.options = options
        try Self.prepareMachine()
        try Files.makeDirectory(directory)
        let keys = try options.hostKeyTypes.map { type in
            try KeyPair.kept(at: "\(directory)/host_\(type.rawValue)", type: type, comment: address)
        }
        hostKeys = keys
        try Files.write(
            options.authorizedKeys.map { $0 + "\n" }.joined(), to: directory + "/authorized_keys")
        let started = try Self.onFreePort(address, options.port) { endpoint in
            let text = SSHServerConfiguration.text(
                endpoint: endpoint, directory: directory, hostKeys: keys, options: options)
            try Files.write(text, to: directory + "/sshd_config")
            return try Self.launch(endpoint, directory)
        }
        endpoint = started.endpoint
        process = Mutex(started.command)
    }

    deinit { stop() }

    /// The log of its last start.
    package var log: String { directory + "/log" }

    /// Of the listening process; `nil` while it is stopped.
    package var pid: Int32? { process.withLock { $0?.pid } }

    /// A line of `known_hosts` for each host key.
    package var knownHosts: [String] {
        hostKeys.map { "[\(endpoint.address)]:\(endpoint.port) \($0.publicKey)" }
    }

    /// Lets further keys in, from the next login on.
    ///
    /// - Parameter lines: of `authorized_keys`, in place of those there were.
    /// - Throws: ``LabError``.
    package func authorize(_ lines: [String]) throws {
        try Files.write(lines.map { $0 + "\n" }.joined(), to: directory + "/authorized_keys")
    }

    /// The processes of its connections, with all that they run but what has detached itself.
    package var sessions: [ProcessTable.Entry] {
        pid.map(ProcessTable.descendants(of:)) ?? []
    }

    /// Ends it; blocks its thread. May be called again.
    ///
    /// - Parameter endingSessions: also the connections there are and what they run. What detached
    ///   itself from its session lives on, as it does when a machine's sshd goes.
    package func stop(endingSessions: Bool = true) {
        guard let command = process.withLock({ $0.take() }) else { return }
        // While it stands still it starts no session that this would miss.
        command.signal(SIGSTOP)
        let sessions = endingSessions ? ProcessTable.descendants(of: command.pid) : []
        command.signal(SIGKILL)
        _ = blockingUntil(within: .seconds(5)) { command.hasEnded }
        for session in sessions { ProcessTable.signal(session, SIGKILL) }
    }

    /// Starts it again after ``stop(endingSessions:)``; blocks its thread.
    ///
    /// - Throws: ``LabError``, also when somebody else has taken its port.
    package func start() throws {
        let command = try Self.launch(endpoint, directory)
        process.withLock { $0 = command }
    }

    /// Ends the connections there are, and serves on; blocks its thread.
    package func endSessions() {
        for session in sessions { ProcessTable.signal(session, SIGKILL) }
    }

    /// What sshd wants of a machine and an installation without a running sshd may lack.
    private static func prepareMachine() throws {
        if geteuid() == 0 { try Files.makeDirectory("/run/sshd") }
    }

    /// Between the look for a free port and its use somebody else may take it: then another.
    private static func onFreePort(
        _ address: String, _ port: UInt16, launch: (Endpoint) throws -> Command
    ) throws -> (endpoint: Endpoint, command: Command) {
        var attempt = 1
        while true {
            let free = port == 0 ? try LoopbackSocket.freePort(on: address) : port
            let endpoint = Endpoint(address: address, port: free)
            do {
                return (endpoint, try launch(endpoint))
            } catch let error as LabError
                where port == 0 && attempt < 5 && error.description.contains("Address already")
            {
                attempt += 1
            }
        }
    }

    /// Starts the process and waits for its banner.
    private static func launch(_ endpoint: Endpoint, _ directory: String) throws -> Command {
        let log = directory + "/log"
        try Files.write("", to: log, mode: 0o600)
        // sshd starts itself anew for a connection and wants its absolute path.
        let command = try Command([
            "/usr/sbin/sshd", "-D", "-f", directory + "/sshd_config", "-E", log,
        ])
        let isReady = blockingUntil {
            command.hasEnded || SSHBanner.isSent(by: endpoint)
        }
        guard isReady, !command.hasEnded else {
            command.signal(SIGKILL)
            _ = blockingUntil(within: .seconds(5)) { command.hasEnded }
            // Without a log there is still what sshd printed.
            let text = (try? Files.text(log)) ?? ""
            throw LabError("sshd on \(endpoint): \(command.errorsSoFar)\(text)")
        }
        return command
    }
}
