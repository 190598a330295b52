import ByteStream
import Foundation
import Testing

@testable import SSHTransport

/// A directory with keys, a known-hosts file and an SSH configuration of its own: nothing of a test
/// touches `~/.ssh`.
final class Fixture {
    let path: String
    let knownHosts: String
    let extraFile: String
    let authorizedKeys: String
    private(set) var servers: [TestServer] = []
    private var children: [ChildProcess] = []

    init() throws {
        var template = Array("/tmp/shunt-ssh-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FixtureError("mkdtemp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        knownHosts = path + "/known_hosts"
        extraFile = path + "/extra_known_hosts"
        authorizedKeys = path + "/authorized_keys"
        try write("", to: "authorized_keys")
        try write("", to: "known_hosts")
        try write("Host *\n  UserKnownHostsFile \(knownHosts)\n", to: "config")
    }

    deinit {
        for server in servers { server.stop() }
        for child in children { child.end() }
        // Each removes its socket, which must not happen while the directory is removed.
        for child in children { _ = child.wait(Patience(until: .now + .seconds(10))) }
        // What stays behind in /tmp harms nobody.
        try? FileManager.default.removeItem(atPath: path)
    }

    var config: String { path + "/config" }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        chmod(file, 0o600)
        return file
    }

    /// Makes a key pair; its public half is authorized unless told otherwise.
    @discardableResult
    func key(
        _ name: String = "id", type: String = "ed25519", passphrase: String = "",
        isAuthorized: Bool = true
    ) throws -> String {
        let file = "\(path)/\(name)"
        try run("ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", name, "-f", file)
        if isAuthorized { try authorize(file) }
        return file
    }

    func authorize(_ key: String) throws {
        let line = try String(contentsOfFile: key + ".pub", encoding: .utf8)
        let old = try String(contentsOfFile: authorizedKeys, encoding: .utf8)
        try write(old + line, to: "authorized_keys")
    }

    /// Starts a real sshd, known to the host's file unless told otherwise.
    func server(
        _ options: [String] = [], address: String = "127.0.1.1",
        hostKeys: [String] = ["ed25519"], isKnown: Bool = true
    ) async throws -> TestServer {
        let server = try TestServer(
            number: servers.count, fixture: self, address: address, hostKeys: hostKeys,
            options: options)
        servers.append(server)
        try await server.waitUntilItListens()
        if isKnown { try know(server) }
        return server
    }

    func know(_ server: TestServer) throws {
        let old = try String(contentsOfFile: knownHosts, encoding: .utf8)
        let lines = server.publicHostKeys.map { "\(server.knownName) \($0)\n" }
        try write(old + lines.joined(), to: "known_hosts")
    }

    /// An alias `host` for a server, with a key file.
    func configure(_ server: TestServer, key: String? = nil, _ lines: [String] = []) throws {
        try write(configuration("host", server, key: key, lines), to: "config")
    }

    func configuration(
        _ alias: String, _ server: TestServer, key: String? = nil, _ lines: [String] = []
    ) -> String {
        var text = [
            "Host \(alias)", "  HostName \(server.address)", "  Port \(server.port)",
            "  User \(NSUserName())", "  UserKnownHostsFile \(knownHosts)",
            "  GlobalKnownHostsFile none",
        ]
        text += key.map { ["  IdentityFile \($0)"] } ?? ["  IdentityFile \(path)/none"]
        text += lines.map { "  " + $0 }
        return text.joined(separator: "\n") + "\n"
    }

    func target(_ alias: String = "host") throws -> SSHTarget {
        try SSHTarget(destination: alias, configurationFile: config)
    }

    var options: SSHOptions { SSHOptions(hostKeys: HostKeyPolicy(extraFile: extraFile)) }

    /// Starts an ssh-agent.
    ///
    /// - Returns: its socket.
    func agent(holding keys: [String] = []) async throws -> String {
        let socket = "\(path)/agent\(children.count)"
        try background("ssh-agent", "-D", "-a", socket)
        // Its socket is there a moment before it listens; one that does has no key yet, and says 1.
        #expect(
            await eventually {
                let patience = Patience(until: .now + .seconds(5))
                // One that cannot be asked does not listen yet.
                let outcome = try? BoundedCommand.run(
                    ["ssh-add", "-l"], limit: 1 << 10, authSocket: socket, patience)
                return outcome?.ending == .code(1)
            })
        for key in keys { try run("ssh-add", "-q", key, authSocket: socket) }
        return socket
    }

    func background(_ words: String...) throws {
        let null = try SocketPair.null()
        children.append(
            try ChildProcess(
                .init(words: words, input: null.raw, output: null.raw, errors: null.raw)))
    }

    /// Runs a program to its end. Foundation's `Process` loses track of children that close the
    /// descriptors they inherit, as sshd does.
    @discardableResult
    func run(_ words: String..., authSocket: String? = nil) throws -> String {
        let patience = Patience(until: .now + .seconds(30))
        let outcome = try BoundedCommand.run(
            words, limit: 1 << 20, authSocket: authSocket, patience)
        guard outcome.ending == .code(0) else {
            let said = String(decoding: outcome.words, as: UTF8.self)
            throw FixtureError("\(words.joined(separator: " ")): \(said)")
        }
        return String(decoding: outcome.output, as: UTF8.self)
    }
}

struct FixtureError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Looks for a fact until it holds or the deadline is past.
func eventually(
    within limit: Duration = .seconds(20), _ holds: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await holds() { return true }
        guard ContinuousClock.now < deadline else { return false }
        // The pause between two looks. A cancelled test falls through to its deadline.
        try? await Task.sleep(for: .milliseconds(5))
    }
}
