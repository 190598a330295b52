import TestSupport
import Testing

@testable import SSHTransport

/// Known-hosts lines, keys, and the bytes that they are made of.
@Suite(.timeLimit(.minutes(2))) struct KnownHostsTests {
    private static let one = key("ssh-ed25519", 1)
    private static let two = key("ssh-ed25519", 2)
    private static let rsa = key("ssh-rsa", 3)

    private static func key(_ type: String, _ seed: UInt8) -> String {
        var writer = WireWriter()
        writer.string(type.utf8)
        writer.string([UInt8](repeating: seed, count: 32))
        return "\(type) \(Base64.encode(writer.bytes))"
    }

    private static func publicKey(_ line: String) -> PublicKey {
        PublicKey(base64: line.split(separator: " ")[1])!
    }

    private func verdict(
        _ names: [String], _ lines: [String], on key: String
    ) -> KnownHosts.Verdict {
        let content = Array(lines.joined(separator: "\n").utf8)
        return KnownHosts(names: names, files: [("f", content)]).verdict(on: Self.publicKey(key))
    }

    @Test func eachVerdictHasItsLine() {
        let (one, two, rsa) = (Self.one, Self.two, Self.rsa)
        func line(_ verdict: KnownHosts.Verdict) -> Int? {
            switch verdict {
            case .known(let entry), .changed(let entry), .revoked(let entry): entry.line
            case .otherType(let entries): entries.first?.line
            case .unknown: nil
            }
        }
        let file = ["# h \(one)", "", "h \(one)", "@revoked h \(two)"]
        #expect(line(verdict(["h"], file, on: one)) == 3)
        #expect(line(verdict(["h"], file, on: two)) == 4)
        #expect(verdict(["x"], file, on: one) == .unknown)
        #expect(line(verdict(["h"], ["h \(two)"], on: one)) == 1)
        #expect(line(verdict(["h"], ["h \(rsa)"], on: one)) == 1)
        #expect(line(verdict(["h"], ["h \(two)", "h \(one)"], on: one)) == 2)
        // A key can be revoked and still stand elsewhere.
        #expect(line(verdict(["h"], ["h \(one)", "@revoked * \(one)"], on: one)) == 2)
        #expect(verdict(["h"], ["@cert-authority h \(one)"], on: one) == .unknown)
    }

    @Test(arguments: [
        ("h", "h", true), ("*.org", "a.org", true), ("*.org", "org", false), ("h?", "h1", true),
        ("a,h", "h", true), ("*,!h", "h", false), ("!h,*", "h", false), ("!x,*", "h", true),
        ("!h", "x", false), ("H", "h", true), ("[h]:22", "h", true), ("[h]:*", "[h]:2022", true),
        ("h", "[h]:2022", false), ("[h]:2022", "h", false), ("h*h*h", "hxhxh", true),
        ("", "h", false),
    ])
    func patternsMatchAsInOpenSSH(_ pattern: String, _ name: String, _ isNamed: Bool) {
        let line = KnownHostsLine(Array("\(pattern.isEmpty ? "," : pattern) \(Self.one)".utf8))
        #expect(line?.names(name) == isNamed)
    }

    /// OpenSSH looks under the plain name where nothing stands under that with the port.
    @Test func thePlainNameCountsOnlyWhereNothingBetterStands() {
        let names = ["[h]:2022", "h"]
        #expect(
            verdict(names, ["[h]:2022 \(Self.one)", "h \(Self.two)"], on: Self.two) != .unknown)
        guard
            case .changed = verdict(
                names, ["[h]:2022 \(Self.one)", "h \(Self.two)"], on: Self.two)
        else {
            Issue.record("the key under the plain name was taken")
            return
        }
        guard case .known = verdict(names, ["h \(Self.two)"], on: Self.two) else {
            Issue.record("the plain name was not looked up")
            return
        }
    }

    @Test func typesOnRecordAreAskedForFirst() {
        let known = KnownHosts(names: ["h"], files: [("f", Array("h \(Self.rsa)".utf8))])
        let configured = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]
        #expect(
            known.algorithms(preferring: configured)
                == ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"])
    }

    @Test func brokenLinesArePassedOver() {
        var generator = SeededGenerator.forTest()
        for _ in 0..<3000 {
            let words = ["@revoked", "h", "|1|x|y", "ssh-ed25519", "AAAA", "#", " ", "\t", "\u{0}"]
            let text = (0..<6).map { _ in words.randomElement(using: &generator) ?? "" }
                .joined(separator: " ")
            if let line = KnownHostsLine(Array(text.utf8)) { _ = line.names("h") }
        }
    }

    @Test func base64ComesBack() {
        var generator = SeededGenerator.forTest()
        for length in 0..<70 {
            let bytes = generator.bytes(length)
            #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, padded: false).utf8) == bytes)
        }
        #expect(Base64.encode(Array("hello".utf8)) == "aGVsbG8=")
        #expect(Base64.decode("a b".utf8) == nil)
        #expect(Base64.decode("aGU=bG8".utf8) == nil)
    }

    @Test func fingerprintsAreThoseOfSSHKeygen() throws {
        let fixture = try Fixture()
        for type in ["ed25519", "ecdsa", "rsa"] {
            let path = try fixture.key(type, type: type)
            let key = try #require(KeyFile(path: path)?.publicKey)
            let shown = try fixture.run("ssh-keygen", "-lf", path + ".pub")
            #expect(shown.split(separator: " ")[1] == key.fingerprint)
        }
    }

    @Test func keyFilesAreToldApart() throws {
        let fixture = try Fixture()
        let plain = try #require(KeyFile(path: try fixture.key("plain")))
        #expect(plain.isPrivate && !plain.isProtected && plain.publicKey != nil)
        let locked = try #require(KeyFile(path: try fixture.key("locked", passphrase: "secret")))
        #expect(locked.isPrivate && locked.isProtected && locked.publicKey != nil)
        let pem = try fixture.key("pem", type: "rsa", passphrase: "secret")
        try fixture.run(
            "ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "secret", "-N", "secret", "-f", pem)
        let old = try #require(KeyFile(path: pem))
        #expect(old.isPrivate && old.isProtected && old.publicKey != nil)
        let half = try #require(KeyFile(path: pem + ".pub"))
        #expect(!half.isPrivate && half.publicKey == old.publicKey)
        #expect(KeyFile(path: fixture.config) == nil)
        #expect(KeyFile(path: "/nowhere") == nil)
        #expect(KeyFile(path: "/") == nil)
    }
}
