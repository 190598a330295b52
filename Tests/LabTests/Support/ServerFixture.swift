import Lab

/// A server for the present account with a key and a configuration for it; gone with the value.
final class ServerFixture {
    let scratch: Scratch
    let server: SSHServer
    let key: KeyPair
    let configFile: String

    init(_ options: SSHServer.Options = SSHServer.Options()) throws {
        scratch = try Scratch()
        key = try KeyPair(at: scratch.path + "/id")
        var options = options
        options.authorizedKeys.append(key.publicLine)
        server = try SSHServer(
            address: "127.0.1.6", directory: scratch.path + "/sshd", options: options)
        let knownHosts = scratch.path + "/known_hosts"
        try Files.write(server.knownHosts.joined(separator: "\n") + "\n", to: knownHosts)
        configFile = scratch.path + "/ssh_config"
        let host = ClientHost(
            alias: "here", endpoint: server.endpoint, user: Account.present.name,
            identityFile: key.path, knownHostsFile: knownHosts)
        try ClientHost.write([host], to: configFile)
    }

    deinit {
        server.stop()
        // What stays in /tmp harms nobody.
        try? scratch.remove()
    }

    /// Starts a client.
    func start(_ words: [String]) throws -> Command {
        try Command(["ssh", "-F", configFile, "here"] + words)
    }

    /// Runs a client to its end.
    func ssh(_ words: [String]) async throws -> Outcome { try await start(words).outcome() }
}
