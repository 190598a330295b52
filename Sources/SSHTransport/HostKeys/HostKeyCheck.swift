/// Decides whether a host is the one it should be. Made before the connection, since the keys on
/// record decide what the server is asked for.
struct HostKeyCheck {
    let configuration: SSHConfiguration
    let policy: HostKeyPolicy
    let known: KnownHosts

    /// - Throws: ``SSHError`` if a file is there and cannot be read.
    init(_ configuration: SSHConfiguration, _ policy: HostKeyPolicy) throws(SSHError) {
        self.configuration = configuration
        self.policy = policy
        var files: [(path: String, content: [UInt8])] = []
        let paths =
            configuration.userKnownHosts + configuration.globalKnownHosts + [policy.extraFile]
        for path in paths where !files.contains(where: { $0.path == path }) {
            if let content = try BoundedFile.read(path) { files.append((path, content)) }
        }
        known = KnownHosts(names: configuration.knownHostsNames, files: files)
    }

    /// Types in the order in which the server is asked for them.
    var algorithms: [String] {
        known.algorithms(preferring: configuration.hostKeyAlgorithms)
    }

    enum Decision: Equatable {
        case go
        /// Nobody has vouched for the key yet.
        case ask(HostKeyQuestion)
        /// Somebody has, or the configuration takes every new key.
        case record
    }

    /// - Throws: ``SSHError`` if the key is to be refused.
    func decide(on key: PublicKey) throws(SSHError) -> Decision {
        if let file = configuration.revokedHostKeys,
            try RevokedKeys.contains(key, in: file, alias: configuration.alias)
        {
            throw revoked(key, file, nil)
        }
        if let accepted = policy.accepted, accepted != key.fingerprint {
            throw SSHError(
                .hostKeyChanged,
                "\(host) shows the key \(key.fingerprint), not "
                    + "\(SSHError.printable(accepted.utf8)): on the machine itself one can look",
                hint: "ssh-keygen -lf /etc/ssh/ssh_host_\(key.shortType)_key.pub")
        }
        switch known.verdict(on: key) {
        case .known: return .go
        case .revoked(let entry): throw revoked(key, entry.file, entry.line)
        case .changed(let entry): throw changed(key, entry)
        case .otherType(let entries): throw otherType(key, entries)
        case .unknown: return try decideOnUnknown(key)
        }
    }

    /// What to say where nobody vouches.
    func unknown(_ key: PublicKey) -> SSHError {
        if let command = configuration.knownHostsCommand {
            return SSHError(
                .hostKeyUnknown,
                "the key of \(host) is on no record that libssh reads, and KnownHostsCommand "
                    + "(`\(SSHError.printable(command.utf8))`) is run by ssh alone",
                hint: "shunt worker add NAME \(configuration.alias) --transport openssh")
        }
        return SSHError(
            .hostKeyUnknown,
            "\(host) is not known yet, and nobody has said that its \(key.type) key "
                + "\(key.fingerprint) is the right one",
            hint: "shunt worker add NAME \(configuration.alias) --host-key \(key.fingerprint)")
    }

    /// Puts the key on record, in the caller's file.
    func record(_ key: PublicKey) throws(SSHError) {
        try BoundedFile.append(
            line: "\(configuration.knownHostsNames[0]) \(key.type) \(key.base64)",
            to: policy.extraFile)
    }

    private func decideOnUnknown(_ key: PublicKey) throws(SSHError) -> Decision {
        if policy.accepted != nil { return .record }
        switch configuration.unknownHosts {
        case .accept: return .record
        case .refuse: throw unknown(key)
        case .ask:
            guard policy.ask != nil else { throw unknown(key) }
            return .ask(
                HostKeyQuestion(
                    host: configuration.knownHostsNames[0], type: key.type,
                    fingerprint: key.fingerprint, knownAs: known.namesOfOthers(with: key)))
        }
    }

    // MARK: Refusals

    private var host: String { "`\(configuration.knownHostsNames[0])`" }

    private func forget(_ file: String) -> String {
        let name = SSHError.quoted(configuration.knownHostsNames[0])
        return "ssh-keygen -R \(name) -f \(SSHError.quoted(file))"
    }

    private func changed(_ key: PublicKey, _ entry: KnownHosts.Entry) -> SSHError {
        SSHError(
            .hostKeyChanged,
            "\(host) shows the key \(key.fingerprint), but \(entry.key.fingerprint) is on record "
                + "(`\(entry.file)`, line \(entry.line)): somebody may be in between, unless its "
                + "administrator says that it changed",
            hint: forget(entry.file))
    }

    private func otherType(_ key: PublicKey, _ entries: [KnownHosts.Entry]) -> SSHError {
        let types = Set(entries.map(\.key.type)).sorted().joined(separator: ", ")
        return SSHError(
            .hostKeyType,
            "\(host) shows a key of type \(key.type) (\(key.fingerprint)), and does not offer the "
                + "one on record: \(types) (`\(entries[0].file)`, line \(entries[0].line)); "
                + "somebody may be in between, unless its administrator says that it changed",
            hint: forget(entries[0].file))
    }

    private func revoked(_ key: PublicKey, _ file: String, _ line: Int?) -> SSHError {
        let place = "`\(file)`" + (line.map { ", line \($0)" } ?? "")
        return SSHError(
            .hostKeyRevoked,
            "\(host) shows the key \(key.fingerprint), which is revoked (\(place)): its "
                + "administrator has to make another",
            hint: line.map { "sed -n \($0)p \(SSHError.quoted(file))" }
                ?? "ssh-keygen -lf \(SSHError.quoted(file))")
    }
}
