internal import ByteStream
internal import Synchronization

/// The `openssh` transport: the user's own `ssh` as a child for each stream. It does what only ssh
/// does: certificates, logins with several factors, GSSAPI, ControlMaster, hops that ask.
///
/// What ssh says on standard error is all there is to tell its errors by, so that they are told
/// less exactly than those of ``LibSSHShell``, and only by a stream's first read or write. A remote
/// command that a signal ended shows as code 255.
package final class OpenSSHShell: RemoteShell {
    private let target: SSHTarget
    private let state: Mutex<State>

    private struct State {
        var options: SSHOptions
        /// Known once the first stream was opened.
        var configuration: SSHConfiguration?
        var streams: [Int: ChildProcess] = [:]
        var next = 0
        var isClosed = false
    }

    /// Children at once.
    private static let limit = 64

    package init(target: SSHTarget, options: SSHOptions) {
        self.target = target
        state = Mutex(State(options: options))
    }

    deinit { for child in state.withLock({ $0.streams.values }) { child.end() } }

    package nonisolated(nonsending) func open(_ command: String) async throws -> any RemoteStream {
        try await start(command, [])
    }

    package nonisolated(nonsending) func openOnOwnConnection(
        _ command: String
    ) async throws -> any RemoteStream {
        try await start(command, ["-o", "ControlPath=none"])
    }

    /// As ``RemoteShell/use(authSocket:)``.
    package func use(authSocket: String?) {
        state.withLock { $0.options.authSocket = authSocket }
    }

    package nonisolated(nonsending) func close() async {
        let children = state.withLock { state in
            state.isClosed = true
            return Array(state.streams.values)
        }
        await withTaskGroup { group in
            for child in children { group.addTask { await child.end(within: StreamLimits.linger) } }
        }
    }

    // MARK: One stream

    private nonisolated(nonsending) func start(
        _ command: String, _ more: [String]
    ) async throws -> OpenSSHStream {
        let configuration = try await prepare()
        let options = state.withLock { $0.options }
        let words = Self.words(target, options, configuration, more, command)
        let number = try state.withLock { state throws(SSHError) in
            if state.isClosed { throw .closed }
            guard state.streams.count < Self.limit else {
                throw SSHError(
                    .sessionLimit, "\(Self.limit) ssh processes to `\(target.host)` run already",
                    hint: "pgrep -a ssh")
            }
            state.next += 1
            return state.next
        }
        let explainer = OpenSSHExplainer(
            target: target, options: options, sharesConnections: configuration.sharesConnections)
        if options.isPersonThere { options.clearTerminal?() }
        let stream = try OpenSSHStream(words, options, explainer) { [weak self] in
            self?.state.withLock { $0.streams[number] = nil }
        }
        state.withLock { $0.streams[number] = stream.child }
        // One that has ended by now has come too early to take itself out.
        if stream.child.ended.current != nil { state.withLock { $0.streams[number] = nil } }
        return stream
    }

    static func words(
        _ target: SSHTarget, _ options: SSHOptions, _ configuration: SSHConfiguration,
        _ more: [String], _ command: String
    ) -> [String] {
        // The first is the one that ssh adds new hosts to.
        let files = [options.hostKeys.extraFile] + configuration.userKnownHosts
        let quoted = files.map { "\"\($0)\"" }.joined(separator: " ")
        // Else ssh waits as long as TCP does, and for ever for a server that says nothing.
        let times = options.times
        let limit = configuration.way == .direct ? times.connect : times.proxy
        let patience =
            configuration.connectTimeout == nil
            ? ["-o", "ConnectTimeout=\(limit.components.seconds)"] : []
        let shared = sharing(options, configuration)
        return ["ssh", "-T"] + target.options + more + shared + patience + [
            "-o", "BatchMode=\(options.isPersonThere ? "no" : "yes")",
            "-o", "ClearAllForwardings=yes",
            // With less ssh does not say that a server closed the connection before the login, and
            // its 255 would seem the command's.
            "-o", "LogLevel=INFO",
            "-o", "UserKnownHostsFile=\(quoted)", "--", target.destination, command,
        ]
    }

    /// The first value of an option counts, so that a stream on a connection of its own has one.
    /// ssh adds 17 characters to a path while it makes the socket, and the kernel takes 107 bytes.
    private static func sharing(
        _ options: SSHOptions, _ configuration: SSHConfiguration
    ) -> [String] {
        guard options.isPersonThere, !configuration.sharesConnections,
            let directory = options.socketDirectory, directory.utf8.count <= 45
        else { return [] }
        return [
            "-o", "ControlMaster=auto", "-o", "ControlPath=\(directory)/%C",
            "-o", "ControlPersist=10",
        ]
    }

    /// Learns what the configuration says of the target, and has an unknown host's key vouched for
    /// where the caller offers that: ssh itself can ask only at a terminal.
    private nonisolated(nonsending) func prepare() async throws -> SSHConfiguration {
        if let known = state.withLock({ $0.configuration }) { return known }
        let (target, options) = (target, state.withLock { $0.options })
        let known = try await BlockingThread.run(name: "ssh-config") { stop throws(SSHError) in
            let patience = Patience(until: .now + options.times.configuration, stop: stop)
            let configuration = try SSHConfiguration.resolve(target, waiting: patience)
            if options.hostKeys.accepted != nil || options.hostKeys.ask != nil {
                try HostKeyProbe(target, options, stop).verify(configuration)
            }
            return configuration
        }
        state.withLock { $0.configuration = known }
        return known
    }
}
