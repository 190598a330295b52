/// Tells what went wrong from what `ssh` says about it.
struct OpenSSHExplainer: Sendable {
    let target: SSHTarget
    let options: SSHOptions
    /// See ``SSHConfiguration/sharesConnections``.
    let sharesConnections: Bool

    /// Whether ssh ended with this code for a reason of its own. A remote command may end with 255
    /// too; ssh then says nothing.
    func isOfSSH(_ code: Int32, _ words: [UInt8]) -> Bool {
        code == 255 && Self.explain(lines(words)) != nil
    }

    func failure(_ code: Int32, _ words: [UInt8]) async -> SSHError? {
        guard code == 255, let (kind, line) = Self.explain(lines(words)) else { return nil }
        if kind == .hostKeyUnknown || kind == .hostKeyChanged || kind == .hostKeyRevoked,
            let exact = await lookAtKey()
        {
            return exact
        }
        // What ssh says where the server ends a connection before it has said a word.
        let isTurnedAway = line.contains("kex_exchange_identification: ")
        let why =
            isTurnedAway
            ? ": too many logins at once (MaxStartups), or this address is not let in" : ""
        return SSHError(
            kind,
            "ssh to `\(target.host)`: \(SSHError.printable(line.utf8, limit: 300))\(why)",
            hint: await hint(kind, line))
    }

    /// With the key itself, and where it stands: what ssh says about it fills a screen.
    private func lookAtKey() async -> SSHError? {
        var quiet = options
        quiet.hostKeys.ask = nil
        let (target, options) = (target, quiet)
        do {
            try await withConfiguration { configuration, stop throws(SSHError) in
                try HostKeyProbe(target, options, stop).verify(configuration)
            }
            return nil
        } catch {
            return error as? SSHError
        }
    }

    /// The first key file that ssh would take if it could ask for the passphrase.
    private func protectedKey() async -> String? {
        // Without a configuration no key is named.
        let keys = try? await withConfiguration { configuration, _ in
            configuration.identityFiles.compactMap { KeyFile(path: $0) }
        }
        return keys?.first { $0.isProtected }?.path
    }

    private func withConfiguration<Value: Sendable>(
        _ body: @escaping @Sendable (SSHConfiguration, StopSign) throws(SSHError) -> Value
    ) async throws -> Value {
        let (target, options) = (target, options)
        return try await BlockingThread.run(name: "ssh-look") { stop throws(SSHError) in
            let patience = Patience(until: .now + options.times.configuration, stop: stop)
            return try body(try SSHConfiguration.resolve(target, waiting: patience), stop)
        }
    }

    private func lines(_ words: [UInt8]) -> [String] {
        String(decoding: words, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    }

    /// Words of OpenSSH's, in the order in which they tell most; lower case.
    private static let signs: [(SSHError.Code, [String])] = [
        (.hostKeyRevoked, ["is revoked", "revoked host key", "marked as revoked"]),
        (.hostKeyChanged, ["remote host identification has changed"]),
        (.hostKeyUnknown, ["host key is known for", "host key verification failed"]),
        (.nameNotResolved, ["could not resolve hostname", "name or service not known"]),
        (.proxy, ["stdio forwarding failed", "unknown port 65535"]),
        (.refusedConnection, ["connection refused"]),
        (.timedOut, ["timed out", "timeout, server"]),
        (.unreachable, ["no route to host", "network is unreachable", "cannot assign requested"]),
        (.needsLogin, ["permission denied (", "too many authentication failures"]),
        (.sessionLimit, ["session open refused by peer", "channel 0: open failed"]),
        (
            .notSSH,
            [
                "invalid ssh identification", "protocol identification",
                "protocol major versions differ",
            ]
        ),
        (.handshake, ["kex_exchange_identification", "unable to negotiate", "kex_"]),
        (
            .configuration,
            ["bad configuration option", "bad owner or permissions", "config file", "invalid"]
        ),
        (
            .lost,
            [
                "connection reset", "connection closed", "broken pipe", "client_loop:",
                "disconnect",
                "closed by remote host", "connection to",
            ]
        ),
    ]

    static func explain(_ lines: [String]) -> (SSHError.Code, String)? {
        for (code, words) in signs {
            let line = lines.last { line in
                let line = line.lowercased()
                return words.contains { line.contains($0) }
            }
            if let line { return (code, line) }
        }
        return nil
    }

    private func hint(_ code: SSHError.Code, _ line: String) async -> String {
        // A login by hand helps nobody else, unless its connection is shared; a key that the
        // ssh-agent holds does.
        if code == .needsLogin, !sharesConnections, line.contains("publickey") {
            return LoginReport.adding(
                await protectedKey(), hasAgent: options.authSocket != nil)
        }
        return code == .needsLogin ? "ssh \(target.byHand)" : "ssh -v \(target.byHand)"
    }
}
