internal import ByteStream
internal import JobModel
internal import SSHTransport
internal import Synchronization

/// Reaches a worker's agent over SSH: each stream is one `exec DIR/attach`, which starts the agent
/// if it is down. Nobody is asked anything: this is a daemon.
final class SSHConnector: WorkerConnector {
    private let worker: WorkerName
    private let address: WorkerAddress
    private let directory: String
    private let knownHosts: String
    private let authentication: AuthenticationSocket
    /// Kept from the first stream to ``close()``: its connections serve the streams after it.
    private let shell = Mutex<(any RemoteShell)?>(nil)

    init(
        worker: WorkerName, address: WorkerAddress, directory: String, layout: HomeLayout,
        authentication: AuthenticationSocket
    ) {
        self.worker = worker
        self.address = address
        self.directory = directory
        knownHosts = layout.knownHostsFile
        self.authentication = authentication
    }

    func connect() async throws -> any ByteStream {
        do {
            let shell = try currentShell()
            shell.use(authSocket: authentication.current)
            return try await shell.open("exec \(directory)/attach")
        } catch let error as SSHError {
            throw translated(error)
        }
    }

    private func currentShell() throws(SSHError) -> any RemoteShell {
        let options = SSHOptions(
            authSocket: authentication.current, hostKeys: HostKeyPolicy(extraFile: knownHosts))
        let target = try SSHTarget(address)
        return shell.withLock { shell in
            if let shell { return shell }
            let new: any RemoteShell =
                switch address.transport {
                case .libssh: LibSSHShell(target: target, options: options)
                case .openssh: OpenSSHShell(target: target, options: options)
                }
            shell = new
            return new
        }
    }

    func close() async { await shell.withLock { $0.take() }?.close() }

    /// How long the far end is given to end after its stream has.
    private static let exitLimit = Duration.seconds(2)

    func explain(_ error: any Error, of stream: any ByteStream) async -> any Error {
        if let error = error as? SSHError { return translated(error) }
        guard let stream = stream as? any RemoteStream else { return error }
        let exit = await withTaskGroup(of: RemoteExit?.self) { group in
            group.addTask { await stream.exit() }
            group.addTask {
                // Ends early only with the group.
                try? await Task.sleep(for: Self.exitLimit)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard let exit, exit != .code(0) else { return error }
        return explanation(exit, String(decoding: stream.diagnostics, as: UTF8.self))
    }

    private func explanation(_ exit: RemoteExit, _ said: String) -> ShuntError {
        let hint = "shunt worker check \(worker)"
        let lines = said.split(whereSeparator: \.isNewline)
        if let line = lines.last(where: { $0.hasPrefix("error: ") }) {
            let own = lines.last { $0.hasPrefix("hint: ") }
            return ShuntError(
                .unreachable, String(line.dropFirst("error: ".count)),
                hint: own.map { String($0.dropFirst("hint: ".count)) } ?? hint)
        }
        if [126, 127].contains(exit.shellCode) {
            return ShuntError(
                .unreachable, "the agent is not there any more: `\(directory)/attach`",
                hint: "shunt worker add \(worker) \(address)")
        }
        let why = lines.last.map { ": " + String($0.prefix(200)) } ?? ""
        return ShuntError(
            .unreachable, "the agent's end of the connection closed with \(exit.shellCode)\(why)",
            hint: hint)
    }

    private func translated(_ error: SSHError) -> any Error {
        let shown = ShuntError(error, addedBy: "shunt worker add \(worker) \(address)")
        return error.code == .needsLogin ? NeedsLogin(error: shown) : shown
    }
}
