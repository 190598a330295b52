import Glibc
import Lab
import Testing

/// Servers for the present account, which need no root.
@Suite struct SSHServerTests {
    @Test func aLoginRunsACommand() async throws {
        let fixture = try ServerFixture()
        let outcome = try await fixture.ssh(["id", "-un"])
        #expect(outcome.code == 0, "\(outcome.errorText)")
        #expect(outcome.text == Account.present.name + "\n")
    }

    @Test(arguments: KeyType.allCases)
    func theHostKeyIsOfTheTypeAskedFor(_ type: KeyType) async throws {
        var options = SSHServer.Options()
        options.hostKeyTypes = [type]
        let fixture = try ServerFixture(options)
        #expect(fixture.server.hostKeys[0].publicKey.contains(type.rawValue))
        #expect(try fixture.server.hostKeys[0].fingerprint().hasPrefix("SHA256:"))
        #expect(try await fixture.ssh(["true"]).code == 0)
    }

    @Test func linesOfTheTestWin() async throws {
        var options = SSHServer.Options()
        options.lines = ["ForceCommand echo forced"]
        let fixture = try ServerFixture(options)
        #expect(try await fixture.ssh(["true"]).text == "forced\n")
    }

    @Test func aKeyThatIsNotLetInIsRefused() async throws {
        let fixture = try ServerFixture()
        try fixture.server.authorize([])
        let outcome = try await fixture.ssh(["true"])
        #expect(outcome.code == 255)
        #expect(outcome.errorText.contains("Permission denied (publickey)"))
    }

    @Test func aServerThatStartsAgainIsTheSame() async throws {
        let fixture = try ServerFixture()
        let first = fixture.server.pid
        fixture.server.stop()
        #expect(fixture.server.pid == nil)
        #expect(try await fixture.ssh(["true"]).errorText.contains("Connection refused"))
        try fixture.server.start()
        #expect(fixture.server.pid != first)
        #expect(try await fixture.ssh(["true"]).code == 0)
    }

    @Test(arguments: [true, false])
    func sessionsEndWithTheServerIfAsked(_ endingSessions: Bool) async throws {
        let fixture = try ServerFixture()
        let session = try fixture.start(["echo $$; exec sleep 600"])
        let isThere = await eventually { session.outputSoFar.hasSuffix("\n") }
        #expect(isThere, "\(session.errorsSoFar)")
        let pid = try #require(Int32(session.outputSoFar.dropLast()))
        #expect(fixture.server.sessions.contains { $0.pid == pid })
        let entry = try #require(ProcessTable.entry(pid))
        fixture.server.stop(endingSessions: endingSessions)
        if endingSessions {
            #expect(await eventually { !ProcessTable.isAlive(pid) })
            #expect(await session.outcome().code == 255)
        } else {
            #expect(ProcessTable.isAlive(pid))
            session.signal(SIGKILL)
            ProcessTable.signal(entry, SIGKILL)
            _ = await session.outcome()
        }
    }

    @Test func aServerThatCannotStartSaysWhy() throws {
        let scratch = try Scratch()
        // What stays in /tmp harms nobody.
        defer { try? scratch.remove() }
        var options = SSHServer.Options()
        options.lines = ["NoSuchKeyword yes"]
        let error = #expect(throws: LabError.self) {
            try SSHServer(address: "127.0.1.6", directory: scratch.path, options: options)
        }
        #expect(error?.description.contains("NoSuchKeyword") == true)
    }
}
