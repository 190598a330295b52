import Glibc
import Lab
import Testing

/// Workers with accounts of their own, which take root.
@Suite(.enabled(if: geteuid() == 0, "an account of its own takes root"))
struct LabHostTests {
    @Test func aLoginThroughTheRelayWorksAsTheAccount() async throws {
        let host = try LabHost()
        let outcome = try await host.ssh(["id -un; pwd; echo \"$HOME\""])
        #expect(outcome.code == 0, "\(outcome.errorText)")
        let home = host.account.home
        #expect(outcome.text == "\(host.account.name)\n\(home)\n\(home)\n")
        #expect(host.relay.counts.bytesUp > 1_000)
        try host.stop()
    }

    @Test func nothingIsLeftOfAHost() async throws {
        let host = try LabHost()
        let line = "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!; touch file"
        let outcome = try await host.ssh([line])
        let pid = try #require(Int32(outcome.text.dropLast()), "\(outcome.errorText)")
        // sshd's end of the login goes a moment after the answer.
        #expect(await eventually { host.account.processes.map(\.pid) == [pid] })
        try host.stop()
        #expect(!ProcessTable.isAlive(pid))
        #expect(!Files.exists(host.account.home))
        #expect(!Files.exists(host.account.scratch.path))
        #expect(Account.named(host.account.name) == nil)
        try host.stop()
    }

    @Test func twoHostsHaveTwoAccounts() throws {
        let one = try LabHost(.init(alias: "one", address: "127.0.1.1"))
        let two = try LabHost(.init(alias: "two", address: "127.0.1.2"))
        #expect(one.account.name != two.account.name)
        #expect(one.account.entry.uid != two.account.entry.uid)
        try one.stop()
        try two.stop()
    }

    @Test func aHostCanBeBehindAnother() async throws {
        let bastion = try LabHost(.init(alias: "bastion", address: "127.0.1.1"))
        let inner = try LabHost(.init(alias: "inner", address: "127.0.1.2"))
        let configuration = inner.clientDirectory + "/jump"
        try ClientHost.write(
            [inner.entry.jumping(over: bastion.entry), bastion.entry], to: configuration)
        let outcome = try await inner.ssh(["id", "-un"], configuration: configuration)
        #expect(outcome.text == inner.account.name + "\n", "\(outcome.errorText)")
        #expect(bastion.relay.counts.accepted == 1)
        try inner.stop()
        try bastion.stop()
    }

    @Test func connectionsCanBeShared() async throws {
        let host = try LabHost()
        let configuration = host.clientDirectory + "/shared"
        try ClientHost.write(
            [host.entry.sharingConnections(in: host.clientDirectory)], to: configuration)
        for _ in 0..<3 {
            let outcome = try await host.ssh(["true"], configuration: configuration)
            #expect(outcome.code == 0, "\(outcome.errorText)")
        }
        #expect(host.relay.counts.accepted == 1)
        let end = try await host.ssh([], flags: ["-O", "exit"], configuration: configuration)
        #expect(end.code == 0, "\(end.errorText)")
        try host.stop()
    }

    @Test func anAccountCanLackAShell() async throws {
        var options = LabHost.Options()
        options.shell = "/usr/sbin/nologin"
        let host = try LabHost(options)
        let outcome = try await host.ssh(["true"])
        #expect(outcome.code == 1)
        #expect(outcome.text.contains("not available"))
        try host.stop()
    }

    @Test func aKeyWithAPassphraseWorksThroughAnAgentAlone() async throws {
        var options = LabHost.Options()
        options.passphrase = "open sesame"
        let host = try LabHost(options)
        #expect(try await host.ssh(["true"]).code == 255)

        let agent = try KeyAgent(socket: host.clientDirectory + "/agent")
        defer { agent.stop() }
        #expect(throws: LabError.self) { try agent.add(host.key, passphrase: "wrong") }
        try agent.add(host.key, passphrase: "open sesame")
        var entry = host.entry
        entry.identityFile = nil
        let configuration = host.clientDirectory + "/agent_config"
        try ClientHost.write([entry], to: configuration)
        let environment = Command.plainEnvironment.merging(["SSH_AUTH_SOCK": agent.socket]) { $1 }
        let outcome = try await host.ssh(
            ["true"], configuration: configuration, environment: environment)
        #expect(outcome.code == 0, "\(outcome.errorText)")
        try host.stop()
    }

    @Test func aClientWaitsForAnAgentThatHangs() async throws {
        let host = try LabHost()
        let agent = try HangingKeyAgent(socket: host.clientDirectory + "/agent")
        var entry = host.entry
        entry.identityFile = nil
        let configuration = host.clientDirectory + "/agent_config"
        try ClientHost.write([entry], to: configuration)
        let environment = Command.plainEnvironment.merging(["SSH_AUTH_SOCK": agent.socket]) { $1 }
        let client = try Command(
            ["ssh", "-F", configuration, host.alias, "true"], environment: environment)
        // By then the client has verified the server and asks the agent for its keys.
        #expect(await eventually { host.relay.counts.bytesDown > 1_000 })
        #expect(await !eventually(within: .milliseconds(300)) { client.hasEnded })
        client.signal(SIGKILL)
        #expect(await client.outcome().code == 137)
        try host.stop()
    }

    /// The client is told the end at any stage of the handshake, and the server lives on.
    @Test(arguments: [0, 10, 41, 60, 500, 1_500, 2_000])
    func aHandshakeCanBeCutAnywhere(_ bytes: Int) async throws {
        let host = try LabHost()
        host.relay.setCutoff(Relay.Cutoff(bytes: bytes, direction: .down))
        #expect(try await host.ssh(["true"]).code == 255)
        #expect(await eventually { host.relay.counts.bytesDown == bytes })
        host.relay.setCutoff(nil)
        #expect(try await host.ssh(["true"]).code == 0)
        try host.stop()
    }

    @Test func aFrozenLinkLosesNothing() async throws {
        let host = try LabHost()
        // Holds the bytes until the freeze does, however late it comes.
        host.relay.setCutoff(Relay.Cutoff(bytes: 5_000_000, direction: .up, ending: .silence))
        let file = host.clientDirectory + "/bytes"
        try Files.write(pattern(20_000_000), to: file)
        let here = try Command.run(["sha256sum", file]).prefix(64)
        let client = try Command([
            "sh", "-c", "exec ssh -F \"$0\" \"$1\" sha256sum <\"$2\"", host.configFile,
            host.alias, file,
        ])
        #expect(await eventually { host.relay.counts.bytesUp == 5_000_000 })
        host.relay.freeze()
        host.relay.setCutoff(nil)
        #expect(await !eventually(within: .milliseconds(300)) { client.hasEnded })
        host.relay.thaw()
        let outcome = await client.outcome()
        #expect(outcome.text.prefix(64) == here, "\(outcome.errorText)")
        try host.stop()
    }
}
