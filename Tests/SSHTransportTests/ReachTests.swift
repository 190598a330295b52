import ByteStream
import Foundation
import Testing

@testable import SSHTransport

/// The way to a server: proxies, and ports on which something else is, or nothing.
@Suite(.timeLimit(.minutes(2))) struct ReachTests {
    // MARK: Proxies

    @Test(arguments: Transport.allCases)
    func aHostBehindAProxyJumpIsReached(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let bastion = try await fixture.server(address: "127.0.1.2")
        let server = try await fixture.server()
        try fixture.write(
            fixture.configuration("bastion", bastion, key: key)
                + fixture.configuration("host", server, key: key, ["ProxyJump bastion"]),
            to: "config")
        let shell = try transport.shell(fixture)
        #expect(try await shell.output(of: "echo there").text == "there\n")
        #expect(bastion.logins == 1)
        await shell.close()
        #expect(await eventually { bastion.hasSeenAnEnd })
    }

    @Test(arguments: Transport.allCases)
    func twoJumpsWithUsersAndPortsAreReached(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let first = try await fixture.server(address: "127.0.1.2")
        let second = try await fixture.server(address: "127.0.1.3")
        let server = try await fixture.server()
        let user = NSUserName()
        let jumps =
            "\(user)@127.0.1.2:\(first.port),ssh://\(user)@127.0.1.3:\(second.port)"
        try fixture.write(
            "Host 127.0.1.2 127.0.1.3\n  IdentityFile \(key)\n"
                + "  UserKnownHostsFile \(fixture.knownHosts)\n"
                + fixture.configuration("host", server, key: key, ["ProxyJump \(jumps)"]),
            to: "config")
        let shell = try transport.shell(fixture)
        #expect(try await shell.output(of: "echo there").text == "there\n")
        #expect((first.logins, second.logins, server.logins) == (1, 1, 1))
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aHostBehindAProxyCommandIsReached(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let bastion = try await fixture.server(address: "127.0.1.2")
        let server = try await fixture.server()
        let command = "ssh -F \(fixture.config) -W '[%h]:%p' bastion"
        try fixture.write(
            fixture.configuration("bastion", bastion, key: key)
                + fixture.configuration("host", server, key: key, ["ProxyCommand \(command)"]),
            to: "config")
        let shell = try transport.shell(fixture)
        #expect(try await shell.output(of: "echo there").text == "there\n")
        await shell.close()
        #expect(await eventually { bastion.hasSeenAnEnd })
    }

    @Test(arguments: Transport.allCases)
    func aProxyThatFailsSaysWhy(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        try fixture.configure(
            server, ["ProxyCommand /bin/sh -c 'echo no such gate >&2; exit 3'"])
        let shell = try transport.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == (transport == .libssh ? .proxy : error.code))
        if transport == .libssh { #expect(error.message.hasSuffix("no such gate")) }
        await shell.close()
    }

    @Test func aJumpThatRefusesSaysWhy() async throws {
        let fixture = try Fixture()
        let bastion = try await fixture.server(address: "127.0.1.2")
        let server = try await fixture.server()
        try fixture.write(
            fixture.configuration("bastion", bastion)
                + fixture.configuration("host", server, ["ProxyJump bastion"]), to: "config")
        let shell = try Transport.libssh.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .proxy)
        #expect(error.message.contains("Permission denied"))
        // A person finds the hop in the same configuration.
        #expect(error.hint?.hasPrefix("ssh -F ") == true)
        #expect(error.hint?.hasSuffix("/config bastion") == true)
        await shell.close()
    }

    /// The user's own: the second stream logs in no more. The master outlives both.
    @Test func aControlMasterIsShared() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        let socket = "\(fixture.path)/master"
        try fixture.configure(
            server, key: key,
            ["ControlMaster auto", "ControlPath \(socket)", "ControlPersist 60"])
        let shell = try Transport.openssh.shell(fixture)
        for number in 0..<3 {
            let output = try await shell.output(of: "echo \(number)")
            #expect(output == Output(text: "\(number)\n", exit: .code(0), errors: ""))
        }
        #expect(server.logins == 1)
        let own = try await shell.openOnOwnConnection("echo own")
        #expect(try await own.readToEnd() == Array("own\n".utf8))
        #expect(server.logins == 2)
        await own.close()
        await shell.close()
        try fixture.run("ssh", "-F", fixture.config, "-O", "exit", "host")
    }

    // MARK: What else is there

    @Test(arguments: Transport.allCases)
    func aNameWithoutAnAddressIsSaidSo(_ transport: Transport) async throws {
        let fixture = try Fixture()
        try fixture.write("Host host\n  HostName no.such.host.invalid\n", to: "config")
        let shell = try transport.shell(fixture)
        #expect(await shell.failure()?.code == .nameNotResolved)
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aClosedPortRefuses(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let port = try FreePort.find(on: "127.0.1.1")
        try fixture.write("Host host\n  HostName 127.0.1.1\n  Port \(port)\n", to: "config")
        let shell = try transport.shell(fixture)
        #expect(await shell.failure()?.code == .refusedConnection)
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aSilentPortIsGivenUp(_ transport: Transport) async throws {
        let server = try PlainServer(.silent)
        defer { server.stop() }
        try await expect(.timedOut, of: server, transport, ["ConnectTimeout 1"])
    }

    @Test func aPortThatNobodyAnswersIsGivenUp() async throws {
        let fixture = try Fixture()
        // A listener whose line is full drops what comes, as a filter does.
        let (descriptor, port, others) = try LoopbackSocket.full(on: PlainServer.address)
        defer { for open in others + [descriptor] { close(open) } }
        try fixture.write(
            "Host host\n  HostName \(PlainServer.address)\n  Port \(port)\n  ConnectTimeout 1\n",
            to: "config")
        let shell = try Transport.libssh.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .timedOut)
        #expect(error.message.contains("does not answer"))
        await shell.close()
    }

    @Test(arguments: [
        PlainServer.Kind.answering("HTTP/1.1 400 Bad Request\r\n\r\n"),
        .speaking("220 mail.example.org ESMTP\r\n"), .closing("go away\n"), .closing("SSH"),
    ])
    func whatIsNoSSHIsQuoted(_ kind: PlainServer.Kind) async throws {
        let server = try PlainServer(kind)
        defer { server.stop() }
        let error = try await expect(.notSSH, of: server, .libssh, ["ConnectTimeout 2"])
        let words = ["HTTP/1.1 400", "220 mail.example.org", "go away", "SSH"]
        #expect(words.contains { error.message.contains("says `\($0)") })
    }

    @Test func aServerWithoutPlaceForLoginsSaysSo() async throws {
        let server = try PlainServer(.closing("Exceeded MaxStartups\r\n"))
        defer { server.stop() }
        try await expect(.refusedConnection, of: server, .libssh)
    }

    /// RFC 4253 lets a server say other lines first.
    @Test func linesBeforeTheVersionArePassedOver() async throws {
        let server = try PlainServer(.closing("Welcome\r\nto SSH-land\nSSH-2.0-x\r\n"))
        defer { server.stop() }
        let error = try await expect(.handshake, of: server, .libssh)
        #expect(error.message.contains("while keys were exchanged"))
    }

    // MARK: Cuts

    /// The connection ends after so many bytes of the server's: its version is some 40 of them, its
    /// part of the key exchange ends near 1,600, the login near 2,100.
    @Test(arguments: [0, 1, 3, 4, 20, 41, 60, 400, 1000, 1100, 1300, 1500, 1600, 1700, 1900])
    func aCutWhileConnectingIsAnError(_ count: Int) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        let cutter = try PlainServer(.cutting(port: server.port, after: count))
        defer { cutter.stop() }
        let name = "[\(PlainServer.address)]:\(cutter.port)"
        try fixture.write("\(name) \(server.publicHostKeys[0])\n", to: "known_hosts")
        try fixture.configure(server, key: key)
        let text = try String(contentsOfFile: fixture.config, encoding: .utf8)
            .replacing("HostName 127.0.1.1", with: "HostName \(PlainServer.address)")
            .replacing("Port \(server.port)", with: "Port \(cutter.port)")
        try fixture.write(text, to: "config")
        let shell = try Transport.libssh.shell(fixture)
        let start = ContinuousClock.now
        let error = try #require(await shell.failure())
        #expect([.handshake, .notSSH, .lost].contains(error.code), "\(count): \(error)")
        #expect(error.hint != nil)
        #expect(ContinuousClock.now - start < .seconds(10))
        await shell.close()
    }

    @Test func aConnectionThatIsGivenUpLeavesNothing() async throws {
        let server = try PlainServer(.silent)
        defer { server.stop() }
        let fixture = try Fixture()
        try fixture.write(
            "Host host\n  HostName \(PlainServer.address)\n  Port \(server.port)\n", to: "config")
        let shell = try Transport.libssh.shell(fixture)
        let opening = Task { try await shell.open("true") }
        #expect(await eventually { Self.hasThread("ssh-host") })
        opening.cancel()
        await #expect(throws: CancellationError.self) { _ = try await opening.value }
        #expect(await eventually { !Self.hasThread("ssh-host") })
        await shell.close()
    }

    private static func hasThread(_ name: String) -> Bool {
        // A thread may end while it is looked at.
        let threads =
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.contains { thread in
            // As above.
            let file = try? String(
                contentsOfFile: "/proc/self/task/\(thread)/comm", encoding: .utf8)
            return file?.hasPrefix(name) ?? false
        }
    }

    @discardableResult
    private func expect(
        _ code: SSHError.Code, of server: PlainServer, _ transport: Transport,
        _ lines: [String] = []
    ) async throws -> SSHError {
        let fixture = try Fixture()
        let text = ["HostName \(PlainServer.address)", "Port \(server.port)"] + lines
        try fixture.write("Host host\n  " + text.joined(separator: "\n  ") + "\n", to: "config")
        let shell = try transport.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == code, "\(error)")
        await shell.close()
        return error
    }
}
