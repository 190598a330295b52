internal import Glibc

/// A worker as the lab has it: an account, an sshd for it, a relay in front of that, a key that is
/// let in, and an `ssh_config` with an alias for it.
///
///     let host = try LabHost()
///     defer { host.stop() }
///     let outcome = try await host.ssh(["true"])
///
/// `ssh -F host.configFile host.alias true` does the same. Two hosts are as far apart as two
/// machines are, but for their kernel and their disks.
package final class LabHost: Sendable {
    /// Under which the configuration knows the host.
    package let alias: String
    package let account: LabAccount
    package let server: SSHServer
    package let relay: Relay
    /// That the server lets in.
    package let key: KeyPair
    /// An `ssh_config` that knows the host under its alias.
    package let configFile: String
    /// A `known_hosts` with the server's keys, under the relay's address.
    package let knownHostsFile: String

    /// How a host is set up.
    package struct Options: Sendable {
        package var alias = "worker"
        /// Of sshd and relay.
        package var address = "127.0.1.1"
        /// Of the account, where it is one of the lab's own.
        package var shell = LabAccount.defaultShell
        /// Of the client's key; none if empty.
        package var passphrase = ""
        package var server = SSHServer.Options()

        package init(alias: String = "worker", address: String = "127.0.1.1") {
            self.alias = alias
            self.address = address
        }
    }

    /// Starts one and waits until it answers; blocks its thread for about half a second.
    ///
    /// - Throws: ``LabError``; nothing is left then.
    package init(_ options: Options = Options()) throws {
        alias = options.alias
        account = try LabAccount(shell: options.shell)
        do {
            let client = account.scratch.path + "/client"
            try Files.makeDirectory(client, mode: 0o700)
            key = try KeyPair(at: client + "/id_ed25519", passphrase: options.passphrase)
            var settings = options.server
            settings.account = account.name
            settings.authorizedKeys.append(key.publicLine)
            server = try SSHServer(
                address: options.address, directory: account.scratch.path + "/sshd",
                options: settings)
            if let pid = server.pid { try account.leaveNote(ofProcess: pid) }
            relay = try Relay(
                listeningOn: Endpoint(address: options.address, port: 0), to: server.endpoint)
            knownHostsFile = client + "/known_hosts"
            configFile = client + "/ssh_config"
            try Files.write(
                server.hostKeys.map {
                    "[\(relay.endpoint.address)]:\(relay.endpoint.port) "
                        + "\($0.publicKey)\n"
                }.joined(), to: knownHostsFile)
            try ClientHost.write([entry], to: configFile)
        } catch {
            // Why there is no host matters, not what is left of it.
            try? account.remove()
            throw error
        }
    }

    deinit {
        // Who wants to know of an error calls it before.
        try? stop()
    }

    /// Where a client connects: the relay.
    package var endpoint: Endpoint { relay.endpoint }

    /// Where a client puts what is its own: key, configuration. Goes with the host.
    package var clientDirectory: String { account.scratch.path + "/client" }

    /// The host as a part of a configuration of several.
    package var entry: ClientHost {
        ClientHost(
            alias: alias, endpoint: relay.endpoint, user: account.name, identityFile: key.path,
            knownHostsFile: knownHostsFile)
    }

    /// Runs `ssh` with the host's configuration.
    ///
    /// - Parameters:
    ///   - words: the remote command, after the alias.
    ///   - flags: in front of the alias.
    ///   - configuration: another one than the host's.
    /// - Throws: ``LabError`` where ssh cannot start.
    package func ssh(
        _ words: [String], flags: [String] = [], configuration: String? = nil,
        environment: [String: String] = Command.plainEnvironment,
        within limit: Duration = .seconds(60)
    ) async throws -> Outcome {
        try await Command(
            ["ssh", "-F", configuration ?? configFile] + flags + [alias] + words,
            environment: environment
        ).outcome(within: limit)
    }

    /// Ends everything and removes the account; blocks its thread. May be called again.
    ///
    /// - Throws: ``LabError`` with what stayed.
    package func stop() throws {
        relay.stop()
        server.stop()
        try account.remove()
    }
}
