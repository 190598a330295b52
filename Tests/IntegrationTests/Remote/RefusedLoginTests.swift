import Foundation
import Lab
import Testing

/// Hosts that are not the one that is meant, and logins that do not come about.
@Suite(.enabled(if: geteuid() == 0, RemoteLab.reason))
struct RefusedLoginTests {
    /// A block of the configuration, what has to be said, and with which code.
    private struct Login: Sendable {
        var entry: ClientHost
        var code: Int32
        var naming: [String]
        var environment: [String: String] = [:]

        init(
            _ alias: String, _ lab: RemoteLab, code: Int32, naming: [String],
            _ change: (inout ClientHost) -> Void
        ) {
            entry = lab.host.entry
            entry.alias = alias
            change(&entry)
            self.code = code
            self.naming = naming
        }
    }

    /// A file of host keys for the host's address.
    private func record(_ lab: RemoteLab, _ name: String, _ lines: String...) throws -> String {
        let path = lab.home.base + "/" + name
        let place = "[\(lab.host.endpoint.address)]:\(lab.host.endpoint.port)"
        try lines.map { $0.replacing("HOST", with: place) + "\n" }.joined()
            .write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func hostKeyLogins(_ lab: RemoteLab) throws -> [Login] {
        let key = lab.host.server.hostKeys[0]
        let other = try KeyPair(at: lab.home.base + "/other-host")
        let rsa = try KeyPair(at: lab.home.base + "/rsa-host", type: .rsa)
        let changed = try record(lab, "changed", "HOST \(other.publicKey)")
        let revoked = try record(
            lab, "revoked", "@revoked * \(key.publicKey)", "HOST \(key.publicKey)")
        let list = try record(lab, "list", key.publicLine)
        let type = try record(lab, "type", "HOST \(rsa.publicKey)")
        let fingerprint = try key.fingerprint()
        return [
            Login(
                "changed", lab, code: 5, naming: [changed, fingerprint]
            ) { $0.knownHostsFile = changed },
            Login("revoked", lab, code: 5, naming: ["revoked", revoked]) {
                $0.knownHostsFile = revoked
            },
            Login("listed", lab, code: 5, naming: ["revoked", list]) {
                $0 = $0.adding("RevokedHostKeys \(list)")
            },
            Login("type", lab, code: 5, naming: ["ssh-rsa", "ed25519", type]) {
                $0.knownHostsFile = type
            },
        ]
    }

    private func keyLogins(_ lab: RemoteLab, hanging: HangingKeyAgent) throws -> [Login] {
        let stranger = try KeyPair(at: lab.home.base + "/stranger")
        let locked = try KeyPair(at: lab.home.base + "/locked", passphrase: "opens it")
        let open = try KeyPair(at: lab.home.base + "/open")
        try lab.host.server.authorize([lab.host.key, locked, open].map(\.publicLine))
        chmod(open.path, 0o644)
        var hangs = Login("hangs", lab, code: 4, naming: [hanging.socket, "does not answer"]) {
            $0.identityFile = nil
        }
        hangs.environment["SSH_AUTH_SOCK"] = hanging.socket
        return [
            hangs,
            Login("stranger", lab, code: 4, naming: ["accepted no key", "1 key was refused"]) {
                $0.identityFile = stranger.path
            },
            Login("keyless", lab, code: 4, naming: ["accepted no key", "no ssh-agent"]) {
                $0.identityFile = nil
            },
            Login("locked", lab, code: 4, naming: [locked.path, "passphrase"]) {
                $0.identityFile = locked.path
            },
            Login("open", lab, code: 4, naming: [open.path, "read by others"]) {
                $0.identityFile = open.path
            },
            Login("nobody", lab, code: 4, naming: ["nobody", "accepted no key"]) {
                $0.user = "nobody"
            },
        ]
    }

    @Test func eachOneSaysWhyAndLeavesNothingOnEitherSide() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let hanging = try HangingKeyAgent(socket: lab.home.base + "/hanging")
            let logins = try hostKeyLogins(lab) + keyLogins(lab, hanging: hanging)
            try lab.configure(logins.map(\.entry))
            let before = try await lab.host.homeListing()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for login in logins {
                    group.addTask {
                        let outcome = try await lab.home.run(
                            ["worker", "add", login.entry.alias], env: login.environment)
                        expectRefused(outcome, code: login.code, naming: login.naming)
                    }
                }
                try await group.waitForAll()
            }
            for login in logins {
                #expect(try await lab.worker(login.entry.alias) == .null)
            }
            #expect(try await lab.host.homeListing() == before)
            #expect(await eventually { lab.host.account.processes.isEmpty })
        }
    }

    /// The way out is one that can be gone: the command of the hint makes the host unknown again.
    @Test func theHintOfAChangedKeyHelps() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let other = try KeyPair(at: lab.home.base + "/other-host")
            var entry = lab.host.entry
            entry.knownHostsFile = try record(lab, "changed", "HOST \(other.publicKey)")
            try lab.configure([entry])
            let refused = try await lab.home.run("worker", "add", lab.name)
            let hint = try #require(refused.errorLines.last { $0.hasPrefix("hint: ") })
            let forgotten = try await lab.home.shell(String(hint.dropFirst(6)))
            #expect(forgotten.code == 0, "\(forgotten.errorText)")
            let fingerprint = try lab.host.server.hostKeys[0].fingerprint()
            let added = try await lab.home.run(
                "worker", "add", lab.name, "--host-key", fingerprint)
            #expect(added.code == 0, "\(added.errorText)")
        }
    }

    /// The worker's only key has a passphrase, and the ssh-agent does not hold it yet.
    private static func lockTheKey(of lab: RemoteLab) throws -> (KeyPair, KeyAgent) {
        let locked = try KeyPair(at: lab.home.base + "/locked", passphrase: "opens it")
        try lab.host.server.authorize([locked.publicLine])
        var entry = lab.host.entry
        entry.identityFile = locked.path
        try lab.configure([entry.adding("IdentityAgent SSH_AUTH_SOCK")])
        return (locked, try KeyAgent(socket: lab.home.base + "/agent.sock"))
    }

    @Test func aPassphraseIsAskedForAtATerminal() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let (locked, agent) = try Self.lockTheKey(of: lab)
            defer { agent.stop() }
            // The same from here on: that it holds the key later makes no other socket of it.
            let person = ["SSH_AUTH_SOCK": agent.socket]
            let words = ["worker", "add", lab.name]
            let wrong = try await Terminal.run(
                lab.home, words, after: "Passphrase of", typing: "does not\n", env: person)
            #expect(wrong.code == 4, "\(wrong.text)")
            #expect(wrong.text.contains("ssh-add "), "\(wrong.text)")
            #expect(!wrong.text.contains("does not\r\n"), "what is typed is not shown")
            #expect(try await lab.worker() == .null)
            // The person gets in; the coordinator, which cannot ask, says so.
            let right = try await Terminal.run(
                lab.home, words, after: "Passphrase of", typing: "opens it\n", env: person)
            #expect(right.code == 4, "\(right.text)")
            #expect(right.text.contains("needs login"), "\(right.text)")
            #expect(right.text.contains("ssh-add \(locked.path)"), "\(right.text)")
            try agent.add(locked, passphrase: "opens it")
            let ran = try await lab.home.run(
                ["run", "-q", "--on", lab.name, "--", "echo", "in"], env: person,
                within: .seconds(20))
            #expect(ran.text == "in\n", "\(ran.errorText)")
        }
    }

    /// Enrolment opens many streams, each of which is an `ssh` of its own.
    @Test func theUsersOwnSSHAsksForAPassphraseOnce() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let (locked, agent) = try Self.lockTheKey(of: lab)
            defer { agent.stop() }
            let person = ["SSH_AUTH_SOCK": agent.socket]
            let added = try await Terminal.run(
                lab.home, ["worker", "add", lab.name, "--transport", "openssh"],
                after: "Enter passphrase", typing: "opens it\n", env: person)
            #expect(added.text.ranges(of: "Enter passphrase").count == 1, "\(added.text)")
            // The coordinator, which cannot ask, says what would help it.
            #expect(added.code == 4, "\(added.text)")
            #expect(added.text.contains("needs login"), "\(added.text)")
            #expect(added.text.contains("ssh-add"), "\(added.text)")
            try agent.add(locked, passphrase: "opens it")
            let ran = try await lab.home.run(
                ["run", "-q", "--on", lab.name, "--", "echo", "in"], env: person,
                within: .seconds(20))
            #expect(ran.text == "in\n", "\(ran.errorText)")
        }
    }
}
