internal import Glibc

/// The text of an `sshd_config`. Of several lines for one keyword sshd takes the first, so that
/// lines of a test stand in front of the lab's own.
enum SSHServerConfiguration {
    static func text(
        endpoint: Endpoint, directory: String, hostKeys: [KeyPair], options: SSHServer.Options
    ) -> String {
        let account = options.account ?? Account.present.name
        let lines =
            options.lines + [
                "ListenAddress \(endpoint.address)",
                "Port \(endpoint.port)",
                "AddressFamily inet",
                "PidFile none",
                "AllowUsers \(account)",
                "PermitRootLogin \(account == "root" ? "prohibit-password" : "no")",
                "AuthorizedKeysFile \"\(directory)/authorized_keys\"",
                // The file lies in /tmp, which everybody may write to.
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "PrintMotd no",
                "PrintLastLog no",
                "LogLevel VERBOSE",
                "Subsystem sftp internal-sftp",
            ] + hostKeys.map { "HostKey \"\($0.path)\"" }
        return lines.map { $0 + "\n" }.joined()
    }
}
