import Glibc
import Lab
import Testing

/// The built `lab`, as benchmarks and people use it.
@Suite struct LabToolTests {
    private static let address = "127.0.1.5"

    @Test func aServerServesUntilItsInputEnds() async throws {
        let scratch = try Scratch()
        // What stays in /tmp harms nobody.
        defer { try? scratch.remove() }
        let directory = scratch.path + "/lab"
        let arguments = ["--address", Self.address, "--dir", directory, "--alias", "gpu-1"]
        let client = ["ssh", "-F", directory + "/ssh_config", "gpu-1", "echo", "hello"]
        for ending in [SIGTERM, nil] {
            let tool = try Tool("sshd", arguments)
            _ = try await tool.waitUntilReady()
            let outcome = try await Command(client).outcome()
            #expect(outcome.text == "hello\n", "\(outcome.errorText)")
            if let ending { tool.command.signal(ending) } else { tool.command.finishInput() }
            #expect(await tool.command.outcome().code == 0)
            let after = try await Command(client).outcome()
            #expect(after.errorText.contains("Connection refused"))
        }
    }

    @Test func aRelayTakesCommands() async throws {
        let target = try PeerListener()
        let tool = try Tool(
            "relay",
            ["--listen", "\(Self.address):0", "--to", "\(target.endpoint)", "--delay", "2ms"])
        let lines = try await tool.waitUntilReady()
        #expect(lines.count == 1)
        let fine = [
            "delay 1ms", "rate 100mbit up", "rate off", "cut both swallow refuse", "restore",
            "freeze", "thaw", "cutoff 10 up reset", "cutoff off", "reset",
        ]
        let wrong = ["cut", "delay 1", "rate 0bit", "cutoff -1 up", "nonsense"]
        try tool.command.send((fine + wrong + ["count"]).map { $0 + "\n" }.joined())
        tool.command.finishInput()
        let outcome = await tool.command.outcome()
        #expect(outcome.code == 0)
        #expect(
            outcome.text.split(separator: "\n").dropFirst().map(String.init)
                == fine.map { _ in "ok" } + wrong.map { "error: what is \($0)?" }
                + ["up 0 down 0 accepted 0 open 0"])
    }

    @Test func whatCannotBeUnderstoodIsSaid() async throws {
        let outcome = try await Tool("relay", ["--listen", "nowhere"]).command.outcome()
        #expect(outcome.code == 2)
        #expect(outcome.errorText == "error: --listen: what is nowhere?\n\nhint: lab --help\n")
    }

    /// A run of tests that is killed leaves an account, its processes and a server behind.
    @Test(.enabled(if: geteuid() == 0, "an account of its own takes root"))
    func whatAKilledRunLeftIsEndedByTheNext() async throws {
        let tool = try Tool("host", ["--address", Self.address])
        let configuration = try await tool.waitUntilReady()[0]
        let line = "id -un; setsid sleep 600 </dev/null >/dev/null 2>&1 & wait; echo $!"
        let client = try Command(["ssh", "-F", configuration, "lab", line])
        let isThere = await eventually {
            guard let account = name(client).flatMap({ Account.named($0) }) else { return false }
            return ProcessTable.processes(ofUser: account.uid).contains {
                ProcessTable.command($0.pid).first == "sleep"
            }
        }
        #expect(isThere, "\(client.errorsSoFar)")
        let left = try #require(name(client).flatMap { Account.named($0) })
        let server = ProcessTable.descendants(of: tool.command.pid)
            .filter { $0.parent == tool.command.pid }
        #expect(!server.isEmpty)
        tool.command.signal(SIGKILL)
        _ = await tool.command.outcome()
        #expect(server.allSatisfy { ProcessTable.isAlive($0.pid) })

        let next = try accountNamed(left.name)
        #expect(server.allSatisfy { !ProcessTable.isAlive($0.pid) })
        #expect(next.processes.isEmpty)
        #expect(!Files.exists(left.home))
        #expect(next.home != left.home)
        try next.remove()
        _ = await client.outcome()
    }

    private func name(_ client: Command) -> String? {
        client.outputSoFar.split(separator: "\n").first.map(String.init)
    }

    /// Takes accounts until the one with that name comes: another run may have freed a lower one.
    private func accountNamed(_ name: String) throws -> LabAccount {
        var others: [LabAccount] = []
        while others.count < 40 {
            let account = try LabAccount()
            if account.name == name { return account }
            others.append(account)
        }
        throw LabError("\(name) is not given again")
    }
}
