/// Where a person wants to go: what they would give `ssh`, taken apart and found harmless.
package struct SSHTarget: Hashable, Sendable {
    /// `host`, an alias of the configuration, or `user@host`.
    package let destination: String
    /// 1–65535; `nil` leaves it to the configuration.
    package let port: Int?
    /// In place of the user's own and the system's (`ssh -F`).
    package let configurationFile: String?

    /// - Throws: ``SSHError`` for what `ssh` or a shell could take for something else: an option,
    ///   several words, a control character.
    package init(
        destination: String, port: Int? = nil, configurationFile: String? = nil
    ) throws(SSHError) {
        let host = Self.host(of: destination)
        let user = destination.dropLast(host.count)
        guard Self.isHarmless(destination), !host.isEmpty, !host.hasPrefix("-"), user != "@" else {
            throw SSHError(
                .configuration,
                "`\(SSHError.printable(destination.utf8))` names no host: it is to be an alias of "
                    + "~/.ssh/config, HOST or USER@HOST",
                hint: "shunt worker add --help")
        }
        if let port, !(1...65_535).contains(port) {
            throw SSHError(
                .configuration, "\(port) is no port: there are 1 to 65535",
                hint: "shunt worker add --help")
        }
        if let file = configurationFile, file.isEmpty || file.utf8.contains(0) {
            throw SSHError(
                .configuration, "`\(SSHError.printable(file.utf8))` names no configuration file",
                hint: "ls ~/.ssh/config")
        }
        self.destination = destination
        self.port = port
        self.configurationFile = configurationFile
    }

    /// The destination without the user's name.
    package var host: String { String(Self.host(of: destination)) }

    /// `-F` and `-p`, as every `ssh` started for this target has them.
    var options: [String] {
        (configurationFile.map { ["-F", $0] } ?? []) + (port.map { ["-p", "\($0)"] } ?? [])
    }

    /// What stands behind `ssh` where a person goes there by hand, for hints.
    var byHand: String {
        (options + [destination]).map(SSHError.quoted).joined(separator: " ")
    }

    private static func host(of destination: String) -> Substring {
        guard let at = destination.lastIndex(of: "@") else { return destination[...] }
        return destination[destination.index(after: at)...]
    }

    /// ProxyCommand hands host and user to a shell, so that what a shell takes apart is refused
    /// too, as `ssh` itself does since 9.6.
    private static func isHarmless(_ text: String) -> Bool {
        let forbidden = Set("'`\"$\\;&<>|(){}!*? \t/#".utf8)
        return !text.isEmpty && !text.hasPrefix("-") && text.utf8.count <= 1024
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !forbidden.contains($0) }
    }
}
