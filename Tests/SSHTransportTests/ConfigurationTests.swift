import Foundation
import TestSupport
import Testing

@testable import SSHTransport

/// Destinations, and what `ssh -G` says about them.
@Suite(.timeLimit(.minutes(2))) struct ConfigurationTests {
    @Test(arguments: [
        "-oProxyCommand=x", "", "a b", "a\nb", "user@-x", "@host", "user@", "a;b", "$(x)",
        "a\u{7f}",
        "`x`", "a'b", "a\u{0}b", "a/b",
    ])
    func whatCouldBeTakenForSomethingElseIsRefused(_ text: String) {
        #expect(throws: SSHError.self) { try SSHTarget(destination: text) }
    }

    @Test(arguments: ["host", "me@host", "10.0.0.1", "fe80::1%eth0", "a.b-c_d", "dom@me@host"])
    func whatSSHTakesIsTaken(_ text: String) throws {
        #expect(try SSHTarget(destination: text).destination == text)
    }

    @Test func portsAreThoseThereAre() throws {
        #expect(throws: SSHError.self) { try SSHTarget(destination: "a", port: 0) }
        #expect(throws: SSHError.self) { try SSHTarget(destination: "a", port: 65_536) }
        #expect(try SSHTarget(destination: "me@a", port: 65_535).host == "a")
    }

    @Test func theConfigurationOfSSHIsRead() throws {
        let fixture = try Fixture()
        try fixture.write(
            """
            Host there
              HostName 127.0.1.1
              Port 2022
              User me
              IdentityFile "/tmp/x y/%h id"
              IdentityFile ~/.ssh/foo
              IdentitiesOnly yes
              IdentityAgent $SHUNT_TEST_AGENT
              CertificateFile ~/c.pub
              UserKnownHostsFile ~/one /tmp/two %d/three
              GlobalKnownHostsFile none
              RevokedHostKeys /tmp/revoked
              ProxyCommand nc "%h" %p
              HostKeyAlias Foo
              ConnectTimeout 3
              AddressFamily inet6
              StrictHostKeyChecking accept-new
              HostKeyAlgorithms ssh-ed25519,rsa-sha2-512
              PubkeyAuthentication no
            """, to: "config")
        setenv("SHUNT_TEST_AGENT", "/tmp/agent", 1)
        let read = try SSHConfiguration.resolve(try fixture.target("there"))
        let home = Account.home
        #expect(read.hostName == "127.0.1.1")
        #expect(read.port == 2022)
        #expect(read.user == "me")
        #expect(read.identityFiles == ["/tmp/x y/127.0.1.1 id", "\(home)/.ssh/foo"])
        #expect(read.identitiesOnly)
        #expect(read.identityAgent == .socket("/tmp/agent"))
        #expect(read.certificateFiles == ["\(home)/c.pub"])
        #expect(read.userKnownHosts == ["\(home)/one", "/tmp/two", "\(home)/three"])
        #expect(read.globalKnownHosts.isEmpty)
        #expect(read.revokedHostKeys == "/tmp/revoked")
        #expect(read.way == .command("nc \"%h\" %p"))
        #expect(read.knownHostsNames == ["foo"])
        #expect(read.connectTimeout == .seconds(3))
        #expect(read.addressFamily == .inet6)
        #expect(read.unknownHosts == .accept)
        #expect(read.hostKeyAlgorithms == ["ssh-ed25519", "rsa-sha2-512"])
        #expect(!read.allowsPublicKey)
    }

    @Test func thePortOfTheTargetComesFirst() throws {
        let fixture = try Fixture()
        try fixture.write("Host *\n  Port 2022\n", to: "config")
        let target = try SSHTarget(
            destination: "you@x", port: 77, configurationFile: fixture.config)
        let read = try SSHConfiguration.resolve(target)
        #expect((read.user, read.hostName, read.port) == ("you", "x", 77))
        #expect(read.knownHostsNames == ["[x]:77", "x"])
        #expect(read.way == .direct)
        #expect(read.identityAgent == .inherited)
        #expect(read.unknownHosts == .ask)
    }

    @Test func jumpsAreReadInTheirOrder() throws {
        let fixture = try Fixture()
        try fixture.write("Host x\n  ProxyJump u@one:22,two\n  IdentityAgent none\n", to: "config")
        let read = try SSHConfiguration.resolve(try fixture.target("x"))
        #expect(read.way == .jump(["u@one:22", "two"]))
        #expect(read.identityAgent == .none)
        let command = try ProxyChild.Command(read, try fixture.target("x"), fixture.options)
        #expect(command.words.suffix(6) == ["-J", "u@one:22", "-W", "[x]:22", "--", "two"])
    }

    @Test func aJumpIsTakenApart() throws {
        #expect(try ProxyChild.Jump("me@h:2").options == ["-l", "me", "-p", "2"])
        #expect(try ProxyChild.Jump("ssh://me@[::1]:2").host == "::1")
        #expect(try ProxyChild.Jump("::1").host == "::1")
        #expect(try ProxyChild.Jump("::1").options.isEmpty)
        #expect(throws: SSHError.self) { try ProxyChild.Jump("-oX=y") }
    }

    @Test func sshsOwnWordsAreShown() throws {
        let fixture = try Fixture()
        try fixture.write("Host x\n  BadWord yes\n", to: "config")
        let error = #expect(throws: SSHError.self) {
            try SSHConfiguration.resolve(try fixture.target("x"))
        }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("line 2: Bad configuration option: badword") == true)
        try FileManager.default.removeItem(atPath: fixture.config)
        let missing = #expect(throws: SSHError.self) {
            try SSHConfiguration.resolve(try fixture.target("x"))
        }
        #expect(missing?.message.contains("No such file") == true)
    }

    @Test func aConfigurationThatHangsIsGivenUp() throws {
        let fixture = try Fixture()
        try fixture.write("Match exec \"sleep 60\"\n  Port 1\n", to: "config")
        let start = ContinuousClock.now
        let error = #expect(throws: SSHError.self) {
            try SSHConfiguration.resolve(try fixture.target("x"), within: .milliseconds(300))
        }
        #expect(error?.code == .configuration)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func tokensAreReplaced() throws {
        var configuration = SSHConfiguration(alias: "a", hostName: "h", port: 5, user: "r")
        configuration.hostKeyAlias = "k"
        let tokens = TokenExpansion(configuration, home: "/home/u") { ["V": "v"][$0] }
        #expect(try tokens.expand("%h %n %p %r %k %d %% x") == "h a 5 r k /home/u % x")
        #expect(try tokens.path("~/x/${V}") == "/home/u/x/v")
        #expect(throws: SSHError.self) { try tokens.expand("%C") }
        #expect(throws: SSHError.self) { try tokens.expand("100%") }
    }

    @Test func anythingThatSSHSaysIsReadWithoutATrap() {
        var generator = SeededGenerator.forTest()
        let words = [
            "hostname", "port", "user", "proxyjump", "identityagent", "none", " ", "\n", "%",
        ]
        for _ in 0..<2000 {
            let text = (0..<20).map { _ in words.randomElement(using: &generator) ?? "" }.joined()
            // An error is as good as a result.
            _ = try? SSHConfiguration.parse(text, alias: "x", home: "/", environment: { _ in nil })
        }
    }

    @Test func wordsForAShellAreQuoted() {
        #expect(SSHError.quoted("host-1.x:2") == "host-1.x:2")
        #expect(SSHError.quoted("a b'c") == #"'a b'\''c'"#)
        #expect(SSHError.quoted("") == "''")
    }
}
