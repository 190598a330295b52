internal import Glibc

/// The tokens of ssh_config(5): `%h` and its like in commands and paths, `~` and `${NAME}` in
/// paths.
struct TokenExpansion {
    var host: String
    var alias: String
    var port: Int
    var user: String
    var hostKeyAlias: String
    var jump = ""
    var home: String
    var environment: (String) -> String?

    init(
        _ configuration: SSHConfiguration, home: String,
        environment: @escaping (String) -> String?
    ) {
        host = configuration.hostName
        alias = configuration.alias
        port = configuration.port
        user = configuration.user
        hostKeyAlias = configuration.hostKeyAlias ?? configuration.alias
        self.home = home
        self.environment = environment
    }

    /// - Throws: ``SSHError`` for a token that is not known here: guessed, it would lead elsewhere.
    func expand(_ text: String) throws(SSHError) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                result.append(character)
                continue
            }
            guard let token = rest.popFirst(), let value = value(of: token) else {
                throw SSHError(
                    .unsupported,
                    "`\(SSHError.printable(text.utf8))` of the SSH configuration has a token that"
                        + " only ssh itself knows",
                    hint: "shunt worker add NAME \(alias) --transport openssh")
            }
            result += value
        }
        return result
    }

    func paths(_ texts: [String]) throws(SSHError) -> [String] {
        var result: [String] = []
        for text in texts { result.append(try path(text)) }
        return result
    }

    func path(_ text: String) throws(SSHError) -> String {
        let expanded = try expand(replacingVariables(in: text))
        if expanded == "~" { return home }
        return expanded.hasPrefix("~/") ? home + expanded.dropFirst() : expanded
    }

    private func replacingVariables(in text: String) -> String {
        var result = ""
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix("${"), let end = rest.firstIndex(of: "}") {
                result += environment(String(rest[..<end].dropFirst(2))) ?? ""
                rest = rest[rest.index(after: end)...]
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }

    private func value(of token: Character) -> String? {
        switch token {
        case "%": "%"
        case "h": host
        case "n": alias
        case "p": "\(port)"
        case "r": user
        case "k": hostKeyAlias
        case "j": jump
        case "d": home
        case "i": "\(getuid())"
        case "u": environment("USER") ?? environment("LOGNAME")
        case "l": Self.machine
        case "L": Self.machine.map { String($0.prefix { $0 != "." }) }
        default: nil
        }
    }

    private static var machine: String? {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return nil }
        return String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
