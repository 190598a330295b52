import ByteStream
import Foundation
import Synchronization
import Testing

@testable import SSHTransport

/// Which keys log in, and what is said where none does.
@Suite(.timeLimit(.minutes(2))) struct LoginTests {
    @Test(arguments: Transport.allCases, ["ed25519", "ecdsa", "rsa"])
    func aKeyFileOfAnyTypeLogsIn(_ transport: Transport, _ type: String) async throws {
        let fixture = try Fixture()
        let key = try fixture.key(type: type)
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        try await reach(try transport.shell(fixture))
    }

    @Test(arguments: Transport.allCases, ["ed25519", "rsa"])
    func theAgentLogsIn(_ transport: Transport, _ type: String) async throws {
        let fixture = try Fixture()
        let key = try fixture.key(type: type)
        let server = try await fixture.server()
        try fixture.configure(server)
        let socket = try await fixture.agent(holding: [key])
        let shell = try transport.shell(fixture) { $0.authSocket = socket }
        try await reach(shell)
    }

    @Test(arguments: Transport.allCases)
    func theAgentsSocketCanBeGivenLater(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        try fixture.configure(server)
        let shell = try transport.shell(fixture)
        #expect(await shell.failure()?.code == .needsLogin)
        shell.use(authSocket: try await fixture.agent(holding: [key]))
        try await reach(shell)
    }

    @Test func identityAgentComesBeforeTheCallersSocket() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        let socket = try await fixture.agent(holding: [key])
        try fixture.configure(server, ["IdentityAgent \(socket)"])
        try await reach(try Transport.libssh.shell(fixture) { $0.authSocket = "/nowhere" })
        try fixture.configure(server, ["IdentityAgent none"])
        let shell = try Transport.libssh.shell(fixture) { $0.authSocket = socket }
        #expect(await shell.failure()?.code == .needsLogin)
        await shell.close()
    }

    /// Nine keys that are of no use stand before the one that is; sshd takes six tries.
    @Test(arguments: Transport.allCases)
    func theNamedKeyOfAFullAgentComesFirst(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let others = try (0..<9).map { try fixture.key("other\($0)", isAuthorized: false) }
        let key = try fixture.key()
        let server = try await fixture.server()
        let socket = try await fixture.agent(holding: others + [key])
        // The private half is only in the agent.
        try FileManager.default.removeItem(atPath: key)
        for lines in [
            ["IdentityFile \(key).pub"], ["IdentityFile \(key).pub", "IdentitiesOnly yes"],
        ] {
            try fixture.configure(server, lines)
            try await reach(try transport.shell(fixture) { $0.authSocket = socket })
        }
    }

    @Test(arguments: Transport.allCases)
    func tooManyKeysAreSaidToBeTooMany(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let others = try (0..<9).map { try fixture.key("other\($0)", isAuthorized: false) }
        let server = try await fixture.server()
        let socket = try await fixture.agent(holding: others)
        try fixture.configure(server)
        let shell = try transport.shell(fixture) { $0.authSocket = socket }
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        if transport == .libssh { #expect(error.message.contains("IdentitiesOnly")) }
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func identitiesOnlyKeepsTheAgentsOtherKeysBack(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server()
        let socket = try await fixture.agent(holding: [key])
        try fixture.configure(server, ["IdentitiesOnly yes"])
        let shell = try transport.shell(fixture) { $0.authSocket = socket }
        #expect(await shell.failure()?.code == .needsLogin)
        #expect(server.logins == 0)
        await shell.close()
    }

    /// It takes connections and answers nothing, as one does whose key waits for a touch.
    @Test func anAgentThatHangsIsGivenUp() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        try fixture.configure(server)
        let socket = "\(fixture.path)/hung"
        let listener = try UnixSocket.listen(path: socket)
        defer { withExtendedLifetime(listener.raw) {} }
        let shell = try Transport.libssh.shell(fixture) {
            $0.authSocket = socket
            $0.times.agentList = .milliseconds(300)
        }
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        #expect(error.message.contains("the ssh-agent at `\(socket)` does not answer"))
        #expect(error.hint == "ssh-add -l")
        await shell.close()
    }

    /// The agent lists its keys, and is stopped before it signs.
    @Test func anAgentThatHangsWhileItSignsIsGivenUp() async throws {
        let fixture = try Fixture()
        let key = try fixture.key("inAgent")
        let file = try fixture.key("file")
        let server = try await fixture.server()
        let real = try await fixture.agent(holding: [key])
        let socket = "\(fixture.path)/half"
        let half = try HalfAgent(path: socket, real: real)
        defer { half.stop() }
        try fixture.configure(server)
        let shell = try Transport.libssh.shell(fixture) {
            $0.authSocket = socket
            $0.times.agentSign = .milliseconds(300)
        }
        let start = ContinuousClock.now
        let error = try #require(await shell.failure())
        #expect(error.message.contains("the ssh-agent at `\(socket)` does not answer"))
        #expect(ContinuousClock.now - start < .seconds(10))
        await shell.close()
        // With a key file there is another way in.
        try fixture.configure(server, key: file)
        let other = try Transport.libssh.shell(fixture) {
            $0.authSocket = socket
            $0.times.agentSign = .milliseconds(300)
        }
        try await reach(other)
    }

    @Test func anAgentThatIsGoneIsNamed() async throws {
        let fixture = try Fixture()
        let server = try await fixture.server()
        try fixture.configure(server)
        let shell = try Transport.libssh.shell(fixture) { $0.authSocket = "/nowhere/agent" }
        let error = try #require(await shell.failure())
        #expect(error.message.contains("the ssh-agent at `/nowhere/agent` is gone"))
        #expect(error.hint?.hasPrefix("ssh-copy-id -") == true)
        await shell.close()
    }

    @Test(arguments: ["ed25519", "rsa"])
    func aPassphraseIsAskedFor(_ type: String) async throws {
        let fixture = try Fixture()
        let key = try fixture.key(type: type, passphrase: "right")
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let asked = Mutex<[String]>([])
        let shell = try Transport.libssh.shell(fixture) {
            $0.passphrase = { question in
                asked.withLock { asked in
                    #expect(question.isRepeated == !asked.isEmpty)
                    asked.append(question.keyPath)
                    return asked.count < 3 ? "wrong" : "right"
                }
            }
        }
        try await reach(shell)
        #expect(asked.withLock { $0 } == [key, key, key])
    }

    @Test func aWrongPassphraseIsTakenThreeTimes() async throws {
        let fixture = try Fixture()
        let key = try fixture.key(passphrase: "right")
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let asked = Mutex(0)
        let shell = try Transport.libssh.shell(fixture) {
            $0.passphrase = { _ in
                asked.withLock { $0 += 1 }
                return "wrong"
            }
        }
        let error = try #require(await shell.failure())
        #expect(error.message.contains("the passphrase of `\(key)` was wrong"))
        #expect(error.hint == "eval \"$(ssh-agent)\" && ssh-add \(key)")
        #expect(asked.withLock { $0 } == 3)
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aProtectedKeyThatNobodyCanOpenIsNamed(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key(passphrase: "right")
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let shell = try transport.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        #expect(error.hint == "eval \"$(ssh-agent)\" && ssh-add \(key)")
        await shell.close()
    }

    /// Asked for a key that the server does not take, a person would type for nothing.
    @Test func noPassphraseIsAskedForAKeyThatIsRefused() async throws {
        let fixture = try Fixture()
        let key = try fixture.key(passphrase: "right", isAuthorized: false)
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let asked = Mutex(0)
        let shell = try Transport.libssh.shell(fixture) {
            $0.passphrase = { _ in
                asked.withLock { $0 += 1 }
                return "right"
            }
        }
        #expect(await shell.failure()?.code == .needsLogin)
        #expect(asked.withLock { $0 } == 0)
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aKeyThatOthersMayReadIsNotUsed(_ transport: Transport) async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        chmod(key, 0o644)
        let server = try await fixture.server()
        try fixture.configure(server, key: key)
        let shell = try transport.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        if transport == .libssh { #expect(error.hint == "chmod 600 \(key)") }
        await shell.close()
    }

    @Test func aServerThatWantsAPasswordSaysSo() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server([
            "PubkeyAuthentication no", "PasswordAuthentication yes",
        ])
        try fixture.configure(server, key: key)
        let shell = try Transport.libssh.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        #expect(error.message.hasSuffix("takes no keys, only password"))
        await shell.close()
    }

    @Test func aServerThatWantsMoreThanAKeySaysSo() async throws {
        let fixture = try Fixture()
        let key = try fixture.key()
        let server = try await fixture.server([
            "AuthenticationMethods publickey,password", "PasswordAuthentication yes",
        ])
        try fixture.configure(server, key: key)
        let shell = try Transport.libssh.shell(fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .needsLogin)
        #expect(error.message.contains("asks for more than a key"))
        await shell.close()
    }

    private func reach(_ shell: any RemoteShell) async throws {
        let output = try await shell.output(of: "echo reached")
        #expect(output.text == "reached\n")
        await shell.close()
    }
}

/// An ssh-agent that lists the keys of a real one and never signs.
final class HalfAgent: Sendable {
    private let stopping = Atomic(false)
    private let end = Gate()

    init(path: String, real: String) throws {
        let listener = try UnixSocket.listen(path: path).release()
        try NativeThread.start(name: "half-agent") { [self] in
            serve(OwnedDescriptor(adopting: listener), real)
            end.open()
        }
    }

    func stop() { stopping.store(true, ordering: .releasing) }

    private func serve(_ listener: consuming OwnedDescriptor, _ real: String) {
        var open: [Int32] = []
        while !stopping.load(ordering: .acquiring) {
            let patience = Patience(until: .now + .milliseconds(100))
            guard case .ready = patience.wait(for: listener.raw, POLLIN),
                // A connection that has gone again is none.
                let connection = try? UnixSocket.accept(from: listener)
            else { continue }
            let long = Patience(until: .now + .seconds(1))
            // What fails here fails in the test.
            let request = try? AgentFrames.receive(from: connection.raw, long)
            if request == [AgentClient.Message.requestIdentities],
                // As above.
                let answer = try? AgentClient(path: real).answer(to: request ?? [], long)
            {
                // As above.
                try? AgentFrames.send(answer, to: connection.raw, long)
            }
            open.append(connection.release())
        }
        for descriptor in open { close(descriptor) }
    }
}
