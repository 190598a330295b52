import Lab

/// `lab sshd`: a server for the present account, and a configuration of clients for it.
struct ServerCommand {
    private let address: String
    private let directory: String
    private let aliases: [String]
    private var options = SSHServer.Options()

    init(_ arguments: inout Arguments) throws {
        let given = try arguments.takeOptions([
            "--address", "--dir", "--port", "--option", "--alias",
        ])
        address = try given.required("--address")
        directory = try given.required("--dir")
        guard directory.hasPrefix("/") else { throw UsageError("--dir: not an absolute path") }
        options.port = try given.read("--port", UInt16.init) ?? 0
        options.lines = given.all("--option")
        aliases = given.all("--alias").isEmpty ? ["lab"] : given.all("--alias")
    }

    func run(until ending: Ending) throws {
        try Files.makeDirectory(directory, mode: 0o700)
        let key = try KeyPair.kept(at: directory + "/id_ed25519")
        var options = options
        options.authorizedKeys = [key.publicLine]
        let server = try SSHServer(address: address, directory: directory, options: options)
        defer { server.stop() }
        let knownHosts = directory + "/known_hosts"
        try Files.write(server.knownHosts.map { $0 + "\n" }.joined(), to: knownHosts)
        let hosts = aliases.map { alias in
            ClientHost(
                alias: alias, endpoint: server.endpoint, user: Account.present.name,
                identityFile: key.path, knownHostsFile: knownHosts)
        }
        try ClientHost.write(hosts, to: directory + "/ssh_config")
        LabTool.say("ready \(server.endpoint.port)")
        ending.forEachLine { _ in }
    }
}
