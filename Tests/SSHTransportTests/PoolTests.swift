import ByteStream
import Glibc
import Testing

@testable import SSHTransport

/// How ``LibSSHShell`` spreads streams over connections.
@Suite(.timeLimit(.minutes(2))) struct PoolTests {
    @Test(arguments: [1, 2, 10])
    func oneConnectionsLimitIsNotTheShells(_ sessions: Int) async throws {
        try await withShell(.libssh, ["MaxSessions \(sessions)"]) { shell, _, _ in
            let pool = try #require(shell as? LibSSHShell)
            var streams: [any RemoteStream] = []
            for _ in 0..<6 { streams.append(try await shell.open("cat")) }
            #expect(pool.connections == (sessions == 1 ? 6 : sessions == 2 ? 3 : 1))
            for (index, stream) in streams.enumerated() {
                try await stream.write([UInt8(index)])
                #expect(try await stream.readExactly(1) == [UInt8(index)])
            }
            for stream in streams { await stream.close() }
        }
    }

    @Test func manyAtOnceFindTheirPlaces() async throws {
        try await withShell(.libssh, ["MaxSessions 3"]) { shell, _, _ in
            try await withThrowingTaskGroup { group in
                for number in 0..<60 {
                    group.addTask {
                        let text = try await shell.output(of: "sleep 0.0\(number); echo \(number)")
                        #expect(text.text == "\(number)\n")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aServerWithoutSessionsSaysSo() async throws {
        try await withShell(.libssh, ["MaxSessions 0"]) { shell, _, _ in
            #expect(await shell.failure()?.code == .sessionLimit)
        }
    }

    @Test func aStreamMayHaveAConnectionOfItsOwn() async throws {
        try await withShell(.libssh) { shell, _, server in
            let shared = try await shell.open("cat")
            let own = try await shell.openOnOwnConnection("cat")
            try await own.write([1, 2, 3])
            #expect(try await own.readExactly(3) == [1, 2, 3])
            #expect(server.logins == 2)
            #expect((shell as? LibSSHShell)?.connections == 1)
            await own.close()
            #expect(await eventually { server.log.contains("Disconnected from user") })
            await shared.close()
        }
    }

    @Test func idleConnectionsCloseButTheLast() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server(["MaxSessions 1"])
        try fixture.configure(server, key: key)
        var limits = PoolLimits()
        limits.idle = .milliseconds(200)
        let shell = LibSSHShell(
            target: try fixture.target(), options: fixture.options, limits: limits)
        var streams: [any RemoteStream] = []
        for _ in 0..<3 { streams.append(try await shell.open("cat")) }
        #expect(shell.connections == 3)
        for stream in streams { await stream.close() }
        #expect(await eventually { shell.connections == 1 })
        await shell.close()
    }

    @Test func aCancelledOpeningGivesItsPlaceBack() async throws {
        try await withShell(.libssh, ["MaxSessions 1"]) { shell, _, _ in
            let openings = (0..<12).map { _ in Task { try await shell.output(of: "echo x") } }
            for opening in openings { opening.cancel() }
            for opening in openings { _ = await opening.result }
            let output = try await shell.output(of: "echo still")
            #expect(output.text == "still\n")
        }
    }

    /// As behind a link that was cut without a word. Nobody spins meanwhile.
    @Test func aConnectionThatDoesNotAnswerIsPassedBy() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let shell = try Transport.libssh.shell(fixture) { $0.times.open = .seconds(1) }
        let stream = try await shell.open("cat")
        try server.signalSessions(SIGSTOP)
        let used = clock()
        let output = try await shell.output(of: "echo there")
        #expect(output.text == "there\n")
        #expect(server.logins == 2)
        #expect(clock() - used < CLOCKS_PER_SEC / 2)
        try server.signalSessions(SIGCONT)
        // It froze, and lives on.
        try await stream.write([7])
        #expect(try await stream.readExactly(1) == [7])
        await stream.close()
        await shell.close()
    }
}
