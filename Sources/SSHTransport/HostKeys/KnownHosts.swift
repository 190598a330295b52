internal import CLibSSH

/// What the known-hosts files say about one host: pure but for the reading of the files.
///
/// libssh reads one user's and one global file and passes over `@revoked` lines; OpenSSH reads
/// several of each. So the lines are read here, as sshd(8) describes them; libssh only matches
/// hashed names.
struct KnownHosts: Equatable {
    /// A line that names the host.
    struct Entry: Equatable {
        var key: PublicKey
        var file: String
        /// Counted from 1.
        var line: Int
        var isRevoked: Bool
        /// As it stands in the file.
        var hosts: String
    }

    /// Of the host itself, in the order of the files.
    private(set) var entries: [Entry] = []
    /// Of all hosts: a revoked key is refused wherever it shows up under its pattern.
    private(set) var others: [Entry] = []

    /// - Parameter names: under which the host may be on record; a later one counts only where no
    ///   key stands under an earlier.
    init(names: [String], files: [(path: String, content: [UInt8])]) {
        var found = [[Entry]](repeating: [], count: names.count)
        for file in files {
            let lines = file.content.split(
                separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            for (index, bytes) in lines.enumerated() {
                guard let line = KnownHostsLine(bytes), line.marker != .authority else { continue }
                let entry = Entry(
                    key: line.key, file: file.path, line: index + 1,
                    isRevoked: line.marker == .revoked, hosts: line.hosts)
                let matches = names.indices.filter { line.names(names[$0]) }
                for index in matches { found[index].append(entry) }
                if matches.isEmpty { others.append(entry) }
            }
        }
        let best = found.first { $0.contains { !$0.isRevoked } } ?? []
        // What is revoked under any of the names is.
        let revoked = found.joined().filter { $0.isRevoked && !best.contains($0) }
        entries = best + revoked
    }

    enum Verdict: Equatable {
        case known(Entry)
        case unknown
        case changed(Entry)
        case revoked(Entry)
        case otherType([Entry])
    }

    func verdict(on key: PublicKey) -> Verdict {
        if let revoked = entries.first(where: { $0.isRevoked && $0.key == key }) {
            return .revoked(revoked)
        }
        let valid = entries.filter { !$0.isRevoked }
        if let known = valid.first(where: { $0.key == key }) { return .known(known) }
        if let changed = valid.first(where: { $0.key.type == key.type }) {
            return .changed(changed)
        }
        return valid.isEmpty ? .unknown : .otherType(valid)
    }

    /// What to ask the server for: the types on record come first, so that a host with several
    /// keys shows one that can be verified.
    func algorithms(preferring configured: [String]) -> [String] {
        let known = entries.filter { !$0.isRevoked }.flatMap(\.key.hostKeyAlgorithms)
        var result: [String] = []
        for name in known.filter(configured.contains) + configured + known
        where !result.contains(name) {
            result.append(name)
        }
        return result
    }

    /// Names of other hosts with the same key, for a person to recognise the machine by; hashed
    /// ones say nothing.
    func namesOfOthers(with key: PublicKey) -> [String] {
        others.filter { !$0.isRevoked && $0.key == key && !$0.hosts.hasPrefix("|") }.map(\.hosts)
    }
}

/// One line of a known-hosts file.
struct KnownHostsLine {
    var marker = Marker.none
    var hosts: String
    var key: PublicKey

    enum Marker {
        case none, revoked, authority
    }

    /// - Returns: `nil` for comments and for what cannot be read, as ssh passes over it.
    init?(_ bytes: some Collection<UInt8>) {
        let line = String(decoding: bytes, as: UTF8.self)
        var fields = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }[...]
        switch fields.first {
        case "@revoked": marker = .revoked
        case "@cert-authority": marker = .authority
        case .some(let field) where field.hasPrefix("#") || field.hasPrefix("@"): return nil
        case nil, .some: break
        }
        if marker != .none { fields = fields.dropFirst() }
        guard fields.count >= 3, let key = PublicKey(base64: fields[fields.startIndex + 2]),
            key.type == fields[fields.startIndex + 1]
        else { return nil }
        hosts = String(fields[fields.startIndex])
        self.key = key
    }

    /// Whether the line is about `name`, which is in lower case, with `[…]:port` where the port is
    /// not 22.
    func names(_ name: String) -> Bool {
        if hosts.hasPrefix("|") { return isHash(of: name) }
        var isNamed = false
        for pattern in hosts.lowercased().split(separator: ",") {
            let isNegated = pattern.hasPrefix("!")
            let body = isNegated ? pattern.dropFirst() : pattern
            // A line may give port 22 where the name leaves it out.
            let forms = name.hasPrefix("[") ? [name] : [name, "[\(name)]:22"]
            guard forms.contains(where: { Self.matches(Array(body.utf8), Array($0.utf8)) }) else {
                continue
            }
            if isNegated { return false }
            isNamed = true
        }
        return isNamed
    }

    /// A line of our own around the hash: libssh does not know every type of key.
    private func isHash(of name: String) -> Bool {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"
        var entry: UnsafeMutablePointer<ssh_knownhosts_entry>?
        let result = ssh_known_hosts_parse_line(name, "\(hosts) ssh-ed25519 \(key)", &entry)
        if let entry { ssh_knownhosts_entry_free(entry) }
        return result == SSH_OK
    }

    /// `*` stands for any bytes, `?` for one.
    static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var (next, star, mark, index) = (0, -1, 0, 0)
        while index < text.count {
            if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
                (star, mark) = (next, index)
                next += 1
            } else if next < pattern.count,
                pattern[next] == text[index] || pattern[next] == UInt8(ascii: "?")
            {
                next += 1
                index += 1
            } else if star >= 0 {
                mark += 1
                (next, index) = (star + 1, mark)
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
