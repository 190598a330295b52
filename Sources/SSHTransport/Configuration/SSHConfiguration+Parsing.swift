/// The output of `ssh -G`: a keyword in lower case and its value on each line.
extension SSHConfiguration {
    /// - Parameters:
    ///   - home: for `~` and `%d`.
    ///   - environment: for `${NAME}` in paths and `$NAME` as IdentityAgent.
    /// - Throws: ``SSHError`` if host, port or user are missing, or a token is not known.
    static func parse(
        _ output: String, alias: String, home: String,
        environment: @escaping (String) -> String?
    ) throws(SSHError) -> SSHConfiguration {
        var values: [String: [String]] = [:]
        for line in output.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard let keyword = parts.first else { continue }
            let value = parts.count > 1 ? String(parts[1]) : ""
            values[keyword.lowercased(), default: []].append(value)
        }
        guard let host = values["hostname"]?.first, !host.isEmpty,
            let user = values["user"]?.first, !user.isEmpty,
            let port = values["port"]?.first.flatMap({ Int($0) }), (1...65_535).contains(port)
        else {
            throw SSHError(
                .configuration, "`ssh -G` does not say where `\(alias)` is",
                hint: "ssh -G \(SSHError.quoted(alias))")
        }
        var result = SSHConfiguration(alias: alias, hostName: host, port: port, user: user)
        let reader = ValueReader(values: values)
        try result.readWay(reader)
        result.readPolicy(reader)
        var tokens = TokenExpansion(result, home: home, environment: environment)
        tokens.jump = reader.first("proxyjump") ?? ""
        try result.readFiles(reader, tokens)
        return result
    }

    private mutating func readWay(_ reader: ValueReader) throws(SSHError) {
        if let hosts = reader.first("proxyjump") {
            way = .jump(hosts.split(separator: ",").map(String.init))
        } else if let command = reader.first("proxycommand") {
            way = .command(command)
        }
        if way != .direct, reader.isSet("proxyusefdpass") {
            throw SSHError(
                .unsupported, "ProxyUseFdpass of `\(alias)` needs the user's own ssh",
                hint: "shunt worker add NAME \(alias) --transport openssh")
        }
        bindAddress = reader.first("bindaddress")
        let path = reader.first("controlpath") ?? "none"
        sharesConnections =
            path != "none" && !["false", "no", nil].contains(reader.first("controlmaster"))
        switch reader.first("addressfamily") {
        case "inet": addressFamily = .inet
        case "inet6": addressFamily = .inet6
        case nil, .some: addressFamily = .any
        }
        connectTimeout = reader.first("connecttimeout").flatMap { Int($0) }
            .flatMap { $0 > 0 ? .seconds($0) : nil }
    }

    private mutating func readPolicy(_ reader: ValueReader) {
        identitiesOnly = reader.isSet("identitiesonly")
        hostKeyAlias = reader.first("hostkeyalias")
        knownHostsCommand = reader.first("knownhostscommand")
        hostKeyAlgorithms =
            reader.first("hostkeyalgorithms").map { $0.split(separator: ",").map(String.init) }
            ?? []
        switch reader.first("stricthostkeychecking") {
        case "yes", "true": unknownHosts = .refuse
        case "no", "false", "off", "accept-new": unknownHosts = .accept
        case nil, .some: unknownHosts = .ask
        }
        // `host-bound` and `unbound` are ways of yes.
        allowsPublicKey = !["no", "false"].contains(reader.first("pubkeyauthentication") ?? "yes")
    }

    private mutating func readFiles(
        _ reader: ValueReader, _ tokens: TokenExpansion
    ) throws(SSHError) {
        identityFiles = try tokens.paths(reader.all("identityfile"))
        certificateFiles = try tokens.paths(reader.all("certificatefile"))
        userKnownHosts = try tokens.paths(reader.words("userknownhostsfile"))
        globalKnownHosts = try tokens.paths(reader.words("globalknownhostsfile"))
        revokedHostKeys = try tokens.paths(reader.all("revokedhostkeys")).first
        // `none` is a value of its own here: without an agent is not the same as without a word.
        switch reader.values["identityagent"]?.first {
        case nil, "SSH_AUTH_SOCK": identityAgent = .inherited
        case "none": identityAgent = .none
        case .some(let value) where value.hasPrefix("$") && !value.hasPrefix("${"):
            let socket = tokens.environment(String(value.dropFirst()))
            identityAgent = socket.map { .socket($0) } ?? .none
        case .some(let value):
            identityAgent = .socket(try tokens.path(value))
        }
    }
}

/// Values by keyword, `none` read as absence.
private struct ValueReader {
    let values: [String: [String]]

    func all(_ keyword: String) -> [String] {
        (values[keyword] ?? []).map(Self.unquoted).filter { !$0.isEmpty && $0 != "none" }
    }

    func first(_ keyword: String) -> String? { all(keyword).first }

    func isSet(_ keyword: String) -> Bool {
        ["yes", "true"].contains(first(keyword) ?? "no")
    }

    /// Several values on a line. `ssh -G` prints them without quotes, so that a name with a space
    /// cannot be told from two.
    func words(_ keyword: String) -> [String] {
        all(keyword).flatMap { $0.split(separator: " ").map(String.init) }
            .filter { $0 != "none" && $0 != "/dev/null" }
    }

    private static func unquoted(_ value: String) -> String {
        guard value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") else { return value }
        return String(value.dropFirst().dropLast())
    }
}
