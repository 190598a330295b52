/// One host of an `ssh_config`: an alias, and how to get there.
package struct ClientHost: Sendable, Hashable {
    package var alias: String
    package var endpoint: Endpoint
    package var user: String
    /// Of the private key; `nil` where an ssh-agent has it.
    package var identityFile: String?
    /// Of the host keys that are known.
    package var knownHostsFile: String
    /// Further lines: `ProxyJump bastion`. They stand first, and win.
    package var lines: [String] = []

    package init(
        alias: String, endpoint: Endpoint, user: String, identityFile: String?,
        knownHostsFile: String
    ) {
        self.alias = alias
        self.endpoint = endpoint
        self.user = user
        self.identityFile = identityFile
        self.knownHostsFile = knownHostsFile
    }

    /// The same host, reached through another one.
    package func jumping(over bastion: ClientHost) -> ClientHost {
        adding("ProxyJump \(bastion.alias)")
    }

    /// The same host, with connections that share one, which lives for a minute after its last use.
    ///
    /// - Parameter directory: where the sockets are made, short enough for their paths.
    package func sharingConnections(in directory: String) -> ClientHost {
        adding(
            "ControlMaster auto", "ControlPath \(directory)/%C", "ControlPersist 60")
    }

    /// The same host with further lines, which win over those there are.
    package func adding(_ further: String...) -> ClientHost {
        var host = self
        host.lines = further + lines
        return host
    }

    /// The text of an `ssh_config` with hosts, each under its alias. A host key must be known; only
    /// what is named is used of files and agents.
    package static func configuration(of hosts: [ClientHost]) -> String {
        hosts.map(\.text).joined(separator: "\n")
    }

    /// Writes ``configuration(of:)`` into a file.
    ///
    /// - Throws: ``LabError``.
    package static func write(_ hosts: [ClientHost], to path: String) throws {
        try Files.write(configuration(of: hosts), to: path, mode: 0o600)
    }

    private var text: String {
        var all = lines
        all += [
            "HostName \(endpoint.address)", "Port \(endpoint.port)", "User \(user)",
            "UserKnownHostsFile \"\(knownHostsFile)\"", "GlobalKnownHostsFile /dev/null",
            "StrictHostKeyChecking yes", "UpdateHostKeys no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no",
        ]
        if let identityFile {
            all += ["IdentityFile \"\(identityFile)\"", "IdentitiesOnly yes", "IdentityAgent none"]
        } else {
            all += ["IdentityFile none"]
        }
        return "Host \(alias)\n" + all.map { "    \($0)\n" }.joined()
    }
}
