internal import CLibSSH
internal import CLinux
internal import Glibc

/// Logs in with keys, in the order of OpenSSH: the agent's that the configuration names, the
/// agent's others, key files, protected key files. Blocks the connection's thread.
struct Authenticator {
    private let session: SSHSession
    private let configuration: SSHConfiguration
    private let options: SSHOptions
    private let stop: StopSign
    private var report = LoginReport()
    /// Private keys that the agent has signed with, or the server refused: not tried twice.
    private var refused: Set<PublicKey> = []

    init(
        _ session: SSHSession, _ configuration: SSHConfiguration, _ options: SSHOptions,
        _ stop: StopSign
    ) {
        self.session = session
        self.configuration = configuration
        self.options = options
        self.stop = stop
        report.hasCertificates = !configuration.certificateFiles.isEmpty
    }

    /// - Throws: ``SSHError``, mostly `needsLogin` with what was tried.
    mutating func run() throws(SSHError) {
        guard configuration.allowsPublicKey else { throw report.error(configuration) }
        let files = configuration.identityFiles.compactMap { KeyFile(path: $0) }
        if try tryAgent(files) { return }
        for file in files where file.isPrivate && !file.isProtected {
            if try tryFile(file) { return }
        }
        for file in files where file.isPrivate && file.isProtected {
            if try tryProtected(file) { return }
        }
        if report.offered == 0, try finish("none", { ssh_userauth_none($0, nil) }) {
            return
        }
        throw report.error(configuration)
    }

    // MARK: The agent

    private var agentPath: String? {
        switch configuration.identityAgent {
        case .none: nil
        case .socket(let path): path
        case .inherited: options.authSocket.flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    private mutating func tryAgent(_ files: [KeyFile]) throws(SSHError) -> Bool {
        guard let path = agentPath, let held = try agentKeys(path) else { return false }
        let keys = Self.order(held, files, only: configuration.identitiesOnly)
        report.agent = .keys(keys.count)
        guard !keys.isEmpty else { return false }
        let filter = try AgentFilter(path: path, signTime: options.times.agentSign, stop: stop)
        let socket = try filter.start()
        defer { filter.retire() }
        guard ssh_set_agent_socket(session.raw, socket) == SSH_OK else {
            _ = Glibc.close(socket)
            return false
        }
        for key in keys.prefix(SSHLimits.keys) where !filter.hasHung {
            filter.show(key)
            if let publicKey = PublicKey(blob: key.blob) { refused.insert(publicKey) }
            if try finish("agent", { ssh_userauth_agent($0, nil) }) { return true }
        }
        if filter.hasHung { report.agent = .hung(path) }
        return false
    }

    private mutating func agentKeys(_ path: String) throws(SSHError) -> [AgentClient.Identity]? {
        do {
            let patience = Patience(until: .now + options.times.agentList, stop: stop)
            return try AgentClient(path: path).identities(patience)
        } catch {
            switch error {
            case .stopped: throw .stopped
            case .hung: report.agent = .hung(path)
            case .unreachable, .broken: report.agent = .unreachable(path)
            }
            return nil
        }
    }

    /// Keys that the configuration names come first, in its order; certificates are left to ssh.
    static func order(
        _ held: [AgentClient.Identity], _ files: [KeyFile], only: Bool
    ) -> [AgentClient.Identity] {
        let named = files.compactMap { file in
            held.first { $0.blob == file.publicKey?.blob }
        }
        let others = held.filter { key in
            !named.contains(key)
                && !(PublicKey(blob: key.blob)?.type.contains("-cert-v01@") ?? true)
        }
        return only ? named : named + others
    }

    // MARK: Files

    private mutating func tryFile(_ file: KeyFile) throws(SSHError) -> Bool {
        guard isWorthTrying(file) else { return false }
        guard let key = PrivateKey(file.path, passphrase: nil) else { return false }
        defer { key.free() }
        return try finish("key file", { ssh_userauth_publickey($0, nil, key.raw) })
    }

    /// Asks for a passphrase only where the server takes the key, as far as its public half is
    /// known.
    private mutating func tryProtected(_ file: KeyFile) throws(SSHError) -> Bool {
        guard isWorthTrying(file) else { return false }
        guard let ask = options.passphrase else {
            report.locked.append(file.path)
            return false
        }
        if let key = file.publicKey, try !isAccepted(key) { return false }
        for attempt in 0..<SSHLimits.passphrases {
            let question = PassphraseQuestion(keyPath: file.path, isRepeated: attempt > 0)
            guard let passphrase = try Question.answer(stop, { await ask(question) }) else {
                report.locked.append(file.path)
                return false
            }
            guard let key = PrivateKey(file.path, passphrase: passphrase) else { continue }
            defer { key.free() }
            return try finish("key file", { ssh_userauth_publickey($0, nil, key.raw) })
        }
        report.misspelt.append(file.path)
        return false
    }

    private mutating func isWorthTrying(_ file: KeyFile) -> Bool {
        if file.isOpenToOthers {
            report.open.append(file.path)
            return false
        }
        return report.offered < SSHLimits.keys
            && !(file.publicKey.map { refused.contains($0) } ?? false)
    }

    private mutating func isAccepted(_ key: PublicKey) throws(SSHError) -> Bool {
        var raw: ssh_key?
        let type = ssh_key_type_from_name(key.type)
        guard ssh_pki_import_pubkey_base64(key.base64, type, &raw) == SSH_OK, let raw else {
            return false
        }
        defer { ssh_key_free(raw) }
        return try finish("key", { ssh_userauth_try_publickey($0, nil, raw) })
    }

    // MARK: The server's answer

    /// - Returns: whether the server says yes.
    /// - Throws: ``SSHError`` if no further key makes sense.
    private mutating func finish(
        _ what: String, _ call: (ssh_session) -> Int32
    ) throws(SSHError) -> Bool {
        // The agent signs within the call; the server's answer has its own time.
        let patience = Patience(
            until: .now + options.times.answer + options.times.agentSign, stop: stop)
        let result = try session.finish(patience) { call(session.raw) }
        readMethods()
        switch result {
        case nil:
            throw SSHError(
                .timedOut, "`\(configuration.hostName)` fell silent during the login",
                hint: "ssh -v \(configuration.byHand)")
        case SSH_AUTH_SUCCESS.rawValue: return true
        case SSH_AUTH_PARTIAL.rawValue:
            report.isPartial = true
            throw report.error(configuration)
        case SSH_AUTH_ERROR.rawValue where !session.isAlive: throw died()
        // The agent did not sign, or libssh does not know the key's type.
        case SSH_AUTH_ERROR.rawValue: return false
        case .some:
            if what != "none" { report.offered += 1 }
            return false
        }
    }

    private mutating func readMethods() {
        let mask = UInt32(bitPattern: ssh_userauth_list(session.raw, nil))
        guard mask != 0 else { return }
        let names: [(UInt32, LoginReport.Method)] = [
            (UInt32(SSH_AUTH_METHOD_PUBLICKEY), .publicKey),
            (UInt32(SSH_AUTH_METHOD_PASSWORD), .password),
            (UInt32(SSH_AUTH_METHOD_INTERACTIVE), .interactive),
            (UInt32(SSH_AUTH_METHOD_HOSTBASED | SSH_AUTH_METHOD_GSSAPI_MIC), .other),
        ]
        report.methods = Set(names.filter { mask & $0.0 != 0 }.map(\.1))
    }

    private mutating func died() -> SSHError {
        let words = session.lastWords
        if words.contains("Too many authentication failures") {
            report.offered += 1
            report.isTooMany = true
            return report.error(configuration)
        }
        return SSHError(
            .handshake, "`\(configuration.hostName)` went during the login: \(words)",
            hint: "ssh -v \(configuration.byHand)")
    }
}

/// A private key of libssh's; whoever makes it frees it.
struct PrivateKey {
    let raw: ssh_key

    /// - Returns: `nil` if the file holds none, or the passphrase is wrong.
    init?(_ path: String, passphrase: String?) {
        var key: ssh_key?
        guard ssh_pki_import_privkey_file(path, passphrase, nil, nil, &key) == SSH_OK, let key
        else { return nil }
        raw = key
    }

    func free() { ssh_key_free(raw) }
}
