import Foundation
import Synchronization
import Testing

@testable import SSHTransport

/// Hosts that are not who they should be, over real servers.
@Suite(.timeLimit(.minutes(2))) struct HostKeyTests {
    @Test(arguments: Transport.allCases)
    func anUnknownHostIsRefusedWithItsFingerprint(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: false)
        let shell = try transport.shell(scene.fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .hostKeyUnknown)
        #expect(error.hint?.contains("--host-key \(try scene.fingerprint())") == true)
        #expect(!FileManager.default.fileExists(atPath: scene.fixture.extraFile))
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aKeyThatWasVouchedForIsPutOnRecord(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: false)
        let fingerprint = try scene.fingerprint()
        let shell = try transport.shell(scene.fixture) { $0.hostKeys.accepted = fingerprint }
        try await reach(shell)
        let line = try String(contentsOfFile: scene.fixture.extraFile, encoding: .utf8)
        #expect(line.hasPrefix("\(scene.server.knownName) ssh-ed25519 AAAA"))
        #expect(line.hasSuffix("\n"))
        #expect(try String(contentsOfFile: scene.fixture.knownHosts, encoding: .utf8).isEmpty)
        // Now it is known, and OpenSSH reads the same line.
        for transport in Transport.allCases { try await reach(try transport.shell(scene.fixture)) }
    }

    @Test(arguments: Transport.allCases)
    func anotherKeyThanTheOneVouchedForIsRefused(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: false)
        let other = "SHA256:" + String(repeating: "A", count: 43)
        let shell = try transport.shell(scene.fixture) { $0.hostKeys.accepted = other }
        let error = try #require(await shell.failure())
        #expect(error.code == .hostKeyChanged)
        #expect(error.message.contains(try scene.fingerprint()))
        #expect(error.message.contains(other))
        await shell.close()
    }

    @Test(arguments: Transport.allCases, [true, false])
    func aPersonIsAsked(_ transport: Transport, _ answer: Bool) async throws {
        let scene = try await Scene(isKnown: false)
        let asked = Mutex<[HostKeyQuestion]>([])
        let shell = try transport.shell(scene.fixture) {
            $0.hostKeys.ask = { question in
                asked.withLock { $0.append(question) }
                return answer
            }
        }
        let code = await shell.failure()?.code
        #expect(code == (answer ? nil : .hostKeyUnknown))
        let question = try #require(asked.withLock { $0 }.first)
        #expect(question.host == scene.server.knownName)
        #expect(question.type == "ssh-ed25519")
        #expect(question.fingerprint == (try scene.fingerprint()))
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aChangedKeyIsRefusedWithTheWayOut(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: false)
        let other = try scene.fixture.key("another", isAuthorized: false)
        let wrong = try String(contentsOfFile: other + ".pub", encoding: .utf8)
        try scene.fixture.write("# a\n\(scene.server.knownName) \(wrong)", to: "known_hosts")
        let shell = try transport.shell(scene.fixture) {
            $0.hostKeys.ask = { _ in true }
        }
        let error = try #require(await shell.failure())
        #expect(error.code == .hostKeyChanged)
        #expect(error.message.contains("(`\(scene.fixture.knownHosts)`, line 2)"))
        let command = "ssh-keygen -R '\(scene.server.knownName)' -f \(scene.fixture.knownHosts)"
        #expect(error.hint?.hasSuffix(command) == true)
        await shell.close()
        // The way out is one.
        try scene.fixture.run("/bin/sh", "-c", command + " >/dev/null 2>&1")
        try await reach(
            try transport.shell(scene.fixture) { $0.hostKeys.ask = { _ in true } })
    }

    @Test(arguments: Transport.allCases)
    func aRevokedKeyIsRefused(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: true)
        let key = scene.server.publicHostKeys[0]
        try scene.fixture.write(
            "\(scene.server.knownName) \(key)\n@revoked * \(key)\n", to: "known_hosts")
        let shell = try transport.shell(scene.fixture)
        #expect(await shell.failure()?.code == .hostKeyRevoked)
        await shell.close()
    }

    @Test(arguments: Transport.allCases)
    func aListOfRevokedKeysIsKept(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: true)
        let list = try scene.fixture.write(scene.server.publicHostKeys[0] + "\n", to: "revoked")
        try scene.fixture.configure(
            scene.server, key: scene.key, ["RevokedHostKeys \(list)"])
        let shell = try transport.shell(scene.fixture)
        #expect(await shell.failure()?.code == .hostKeyRevoked)
        await shell.close()
    }

    /// libssh does not read it, and what cannot be read may revoke anything.
    @Test func aBinaryListOfRevokedKeysIsNotPassedOver() async throws {
        let scene = try await Scene(isKnown: true)
        let list = "\(scene.fixture.path)/krl"
        try scene.fixture.run("ssh-keygen", "-q", "-k", "-f", list, scene.key + ".pub")
        try scene.fixture.configure(
            scene.server, key: scene.key, ["RevokedHostKeys \(list)"])
        let shell = try Transport.libssh.shell(scene.fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .unsupported)
        #expect(error.hint?.hasSuffix("--transport openssh") == true)
        await shell.close()
    }

    @Test func aTypeThatTheServerLacksIsTold() async throws {
        let scene = try await Scene(isKnown: false)
        let other = try scene.fixture.key("rsa", type: "rsa", isAuthorized: false)
        let line = try String(contentsOfFile: other + ".pub", encoding: .utf8)
        try scene.fixture.write("\(scene.server.knownName) \(line)", to: "known_hosts")
        let shell = try Transport.libssh.shell(scene.fixture)
        let error = try #require(await shell.failure())
        #expect(error.code == .hostKeyType)
        #expect(error.message.contains("ssh-rsa"))
        await shell.close()
    }

    /// The server has several keys: it is asked for the one on record.
    @Test(arguments: Transport.allCases, [0, 1, 2])
    func theTypeOnRecordIsAskedFor(_ transport: Transport, _ index: Int) async throws {
        let scene = try await Scene(isKnown: false, hostKeys: ["ed25519", "ecdsa", "rsa"])
        let key = scene.server.publicHostKeys[index]
        try scene.fixture.write("\(scene.server.knownName) \(key)\n", to: "known_hosts")
        try await reach(try transport.shell(scene.fixture))
    }

    @Test(arguments: Transport.allCases)
    func aHostKeyAliasIsLookedUpInItsPlace(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: false)
        try scene.fixture.configure(scene.server, key: scene.key, ["HostKeyAlias Cluster"])
        let key = scene.server.publicHostKeys[0]
        try scene.fixture.write("\(scene.server.knownName) \(key)\n", to: "known_hosts")
        let shell = try transport.shell(scene.fixture)
        #expect(await shell.failure()?.code == .hostKeyUnknown)
        await shell.close()
        try scene.fixture.write("cluster \(key)\n", to: "known_hosts")
        try await reach(try transport.shell(scene.fixture))
    }

    @Test(arguments: Transport.allCases)
    func hashedNamesAreFound(_ transport: Transport) async throws {
        let scene = try await Scene(isKnown: true)
        let file = scene.fixture.knownHosts
        try scene.fixture.run("/bin/sh", "-c", "ssh-keygen -q -H -f \(file) >/dev/null 2>&1")
        #expect(try String(contentsOfFile: file, encoding: .utf8).hasPrefix("|1|"))
        try await reach(try transport.shell(scene.fixture))
    }

    @Test(arguments: Transport.allCases, ["accept-new", "no", "yes"])
    func strictHostKeyCheckingIsFollowed(_ transport: Transport, _ word: String) async throws {
        let scene = try await Scene(isKnown: false)
        try scene.fixture.configure(
            scene.server, key: scene.key, ["StrictHostKeyChecking \(word)"])
        let shell = try transport.shell(scene.fixture)
        #expect(await shell.failure()?.code == (word == "yes" ? .hostKeyUnknown : nil))
        await shell.close()
    }

    private func reach(_ shell: any RemoteShell) async throws {
        let output = try await shell.output(of: "echo reached")
        #expect(output.text == "reached\n")
        await shell.close()
    }
}

/// A server, and a key that it takes.
private struct Scene {
    let fixture: Fixture
    let server: TestServer
    let key: String

    init(isKnown: Bool, hostKeys: [String] = ["ed25519"]) async throws {
        fixture = try Fixture()
        key = try fixture.key()
        server = try await fixture.server(hostKeys: hostKeys, isKnown: isKnown)
        try fixture.configure(server, key: key)
    }

    func fingerprint() throws -> String {
        let text = try fixture.run("ssh-keygen", "-lf", "\(server.directory)/host_ed25519.pub")
        return String(text.split(separator: " ")[1])
    }
}
