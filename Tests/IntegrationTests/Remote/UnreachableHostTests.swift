import Foundation
import Lab
import Testing

/// Places where no sshd is, or none that gets to the end of its handshake. What waits for a
/// deadline is tried at once with the others.
@Suite(.serialized) struct UnreachableHostTests {
    /// A place, and what has to be said of it.
    private struct Place: Sendable {
        var name: String
        var host: String
        var naming: [String]
        var code: Int32 = 4
    }

    /// Adds workers at all of them at once, and expects that each is refused and none is known.
    private func expectRefused(
        _ home: ShuntHome, _ places: [Place], _ words: String...
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in places {
                group.addTask {
                    let outcome = try await home.run(
                        ["worker", "add", place.name, place.host] + words)
                    IntegrationTests.expectRefused(
                        outcome, code: place.code, naming: place.naming)
                    if outcome.code != place.code { Issue.record("\(place)") }
                }
            }
            try await group.waitForAll()
        }
        let listed = try await home.run("worker", "ls", "-o", "json")
        #expect(try JSON(parsing: listed.output).items.map { $0["name"].string } == ["local"])
    }

    private func withConfiguration(
        _ text: String, _ body: (ShuntHome) async throws -> Void
    ) async throws {
        try await ShuntHome.use { home in
            var home = home
            let path = home.base + "/ssh_config"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            home.variables["SHUNT_SSH_CONFIG"] = path
            try await body(home)
        }
    }

    private static let quick = """
        Host *
            ConnectTimeout 2
            UserKnownHostsFile /dev/null
            GlobalKnownHostsFile /dev/null
            IdentityFile none

        """

    private static let impostors: [(name: String, Impostor.Behaviour, [String])] = [
        ("closed", .closed, ["refuses"]),
        ("filtered", .filtered, ["does not answer"]),
        ("silent", .silent, ["says nothing"]),
        ("web", .http, ["does not speak SSH"]),
        ("banner", .banner, ["went while keys were exchanged"]),
        ("old", .oldProtocol, ["SSH"]),
        ("half", .sendsAndStays(Array("SSH-2.0-Half".utf8)), ["silent"]),
        ("text", .sends(Array("220 mail.example.org ESMTP\r\n".utf8)), ["220 mail"]),
        ("flood", .floods(Array("x\u{1b}[2J".utf8)), ["does not speak SSH"]),
    ]

    @Test func whatIsNoSSHServerIsToldApart() async throws {
        let servers = try Self.impostors.map { (name, behaviour, words) in
            (name, try Impostor(behaviour, address: "127.0.1.4"), words)
        }
        defer { for (_, server, _) in servers { server.stop() } }
        try await withConfiguration(Self.quick) { home in
            var places = servers.map { name, server, words in
                Place(name: name, host: "\(server.endpoint)", naming: words)
            }
            places.append(
                Place(
                    name: "nowhere", host: "no-such-host.invalid",
                    naming: ["no-such-host.invalid"]))
            try await expectRefused(home, places)
        }
    }

    @Test func theUsersOwnSSHIsUnderstoodToo() async throws {
        let closed = try Impostor(.closed, address: "127.0.1.4")
        let web = try Impostor(.http, address: "127.0.1.4")
        defer { for server in [closed, web] { server.stop() } }
        try await withConfiguration(Self.quick) { home in
            let places = [
                Place(name: "closed", host: "\(closed.endpoint)", naming: ["refused"]),
                Place(name: "web", host: "\(web.endpoint)", naming: []),
                Place(
                    name: "nowhere", host: "no-such-host.invalid",
                    naming: ["no-such-host.invalid"]),
            ]
            try await expectRefused(home, places, "--transport", "openssh")
        }
    }

    /// From the first byte to the last of the login, in both ways to end.
    @Test(.enabled(if: geteuid() == 0, RemoteLab.reason))
    func aHandshakeThatEndsAnywhereIsRefused() async throws {
        let moments = [0, 1, 10, 22, 60, 500, 1_100, 1_600, 2_200]
        let tries =
            moments.flatMap { [("libssh", $0, Relay.Ending.close), ("libssh", $0, .reset)] }
            + [0, 22, 60, 1_100].map { ("openssh", $0, .close) }
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            for (transport, bytes, ending) in tries {
                lab.host.relay.setCutoff(
                    Relay.Cutoff(bytes: bytes, direction: .down, ending: ending))
                let outcome = try await lab.home.run(
                    "worker", "add", lab.name, "--transport", transport)
                IntegrationTests.expectRefused(outcome, code: 4, naming: [])
                if outcome.code != 4 {
                    Issue.record("\(transport), \(ending) after \(bytes) bytes")
                }
            }
            #expect(try await lab.worker() == .null)
            #expect(try await lab.host.homeListing() == before)
            let isLeft = await eventually { lab.host.account.processes.isEmpty }
            #expect(isLeft)
        }
    }

    /// While the agent is sent: what came of it does not stay.
    @Test(.enabled(if: geteuid() == 0, RemoteLab.reason))
    func anUploadThatIsCutLeavesNothing() async throws {
        try await RemoteLab.use(isEnrolled: false) { lab in
            let before = try await lab.host.homeListing()
            for ending in [Relay.Ending.close, .reset] {
                lab.host.relay.setCutoff(
                    Relay.Cutoff(bytes: 2_000_000, direction: .up, ending: ending))
                let outcome = try await lab.home.run("worker", "add", lab.name)
                IntegrationTests.expectRefused(outcome, code: 4, naming: [lab.name])
                #expect(try await lab.worker() == .null)
                let isGone = try await eventually {
                    try await lab.host.homeListing() == before
                }
                #expect(isGone, "\(ending)")
            }
            lab.mendLink()
            try await lab.add(lab.name)
        }
    }

    @Test func aRouteThatFailsSaysWhatTheProxySaid() async throws {
        let text =
            Self.quick + """
                Host by-command
                    HostName 127.0.1.4
                    ProxyCommand echo no route through here >&2; exit 3
                Host by-jump
                    HostName 127.0.1.4
                    ProxyJump nobody@127.0.1.4:1
                Host not-there
                    ProxyCommand /no/such/program %h

                """
        try await withConfiguration(text) { home in
            try await expectRefused(
                home,
                [
                    Place(
                        name: "a", host: "by-command", naming: ["no route through here"]),
                    Place(name: "b", host: "by-jump", naming: ["refused"]),
                    Place(name: "c", host: "not-there", naming: ["/no/such/program"]),
                ])
        }
    }

    @Test func aWrongConfigurationIsShownInTheWordsOfSSH() async throws {
        try await withConfiguration("Host *\n    NoSuchOption yes\n") { home in
            try await expectRefused(
                home, [Place(name: "a", host: "b", naming: ["nosuchoption"], code: 2)])
        }
        try await ShuntHome.use { home in
            var home = home
            home.variables["SHUNT_SSH_CONFIG"] = home.base + "/missing"
            try await expectRefused(
                home, [Place(name: "a", host: "b", naming: ["SHUNT_SSH_CONFIG"], code: 2)])
            home.variables["SHUNT_SSH_CONFIG"] = nil
            let wrong: [[String]] = [
                ["-x"], ["a b"], ["a", "-oProxyCommand=x"], ["a", "b:0"], ["a", "b:99999"],
                ["a", "@b"], ["a", "b c"], ["a", "b", "--dir", "relative"],
                ["a", "b", "--dir", "/with space"], ["a", "b", "--host-key", "SHA256:short"],
                ["a", "b", "--transport", "telnet"], ["a", "b", "--label", "=x"],
                ["local", "b"], ["any", "b"],
            ]
            for words in wrong {
                let outcome = try await home.run(["worker", "add"] + words)
                IntegrationTests.expectRefused(outcome, code: 2, naming: [])
                if outcome.code != 2 { Issue.record("\(words)") }
            }
        }
    }
}
