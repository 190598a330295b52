internal import Glibc
/// What was tried to log in, for the error of a login that did not come about.
struct LoginReport: Hashable {
    var agent = Agent.none
    /// Keys that the server was shown and did not take.
    var offered = 0
    /// Protected key files that nobody gave the passphrase of.
    var locked: [String] = []
    /// Key files whose passphrase was wrong each time.
    var misspelt: [String] = []
    /// Key files that others may read.
    var open: [String] = []
    /// Certificates are configured, which libssh is not given.
    var hasCertificates = false
    /// What the server accepts; empty where it did not say.
    var methods: Set<Method> = []
    /// The server ended the connection after so many keys.
    var isTooMany = false
    /// A key was accepted, and the server wants more than that.
    var isPartial = false

    enum Agent: Hashable {
        case none
        case unreachable(String)
        case hung(String)
        case keys(Int)
    }

    enum Method: String {
        case publicKey = "publickey"
        case password
        case interactive = "keyboard-interactive"
        case other = "other means"
    }

    func error(_ configuration: SSHConfiguration) -> SSHError {
        let place = "`\(configuration.user)@\(configuration.hostName)`"
        let openssh = "shunt worker add NAME \(configuration.alias) --transport openssh"
        if isPartial {
            return SSHError(
                .needsLogin, "\(place) asks for more than a key (\(methodNames))", hint: openssh)
        }
        if isTooMany {
            return SSHError(
                .needsLogin,
                "\(place) ended the connection after \(offered) keys, none of them its own "
                    + "(MaxAuthTries); IdentityFile and IdentitiesOnly in ~/.ssh/config say which "
                    + "to show",
                hint: "ssh -v \(configuration.byHand)")
        }
        if !configuration.allowsPublicKey {
            return SSHError(
                .needsLogin, "PubkeyAuthentication is off for `\(configuration.alias)`",
                hint: openssh)
        }
        if !methods.isEmpty, !methods.contains(.publicKey) {
            return SSHError(
                .needsLogin, "\(place) takes no keys, only \(methodNames)", hint: openssh)
        }
        let tried = (agentWords + fileWords).joined(separator: ", ")
        return SSHError(
            .needsLogin, "\(place) accepted no key: \(tried)", hint: hint(configuration, openssh))
    }

    private var methodNames: String {
        methods.map(\.rawValue).sorted().joined(separator: ", ")
    }

    private var agentWords: [String] {
        switch agent {
        case .none: ["there is no ssh-agent"]
        case .unreachable(let path): ["the ssh-agent at `\(path)` is gone"]
        case .hung(let path): ["the ssh-agent at `\(path)` does not answer"]
        case .keys(0): ["the ssh-agent holds no key for it"]
        case .keys(1): ["the ssh-agent holds 1 key for it"]
        case .keys(let count): ["the ssh-agent holds \(count) keys for it"]
        }
    }

    private var fileWords: [String] {
        var words: [String] = []
        if offered > 0 {
            words.append(offered == 1 ? "1 key was refused" : "\(offered) keys were refused")
        }
        words += misspelt.map { "the passphrase of `\($0)` was wrong" }
        words += locked.map { "`\($0)` needs its passphrase" }
        words += open.map { "`\($0)` can be read by others" }
        if hasCertificates { words.append("certificates are only for the openssh transport") }
        return words
    }

    private var hasAgent: Bool {
        switch agent {
        case .none, .unreachable, .hung: false
        case .keys: true
        }
    }

    private var hasNoKey: Bool {
        switch agent {
        case .none, .keys(0): offered == 0
        case .unreachable, .hung, .keys: false
        }
    }

    /// The command that gives a key file to the ssh-agent; those of usual names without one.
    static func adding(_ path: String?, hasAgent: Bool) -> String {
        let add = (["ssh-add"] + [path].compactMap(\.self)).map(SSHError.quoted)
            .joined(separator: " ")
        return hasAgent ? add : "eval \"$(ssh-agent)\" && \(add)"
    }

    private func hint(_ configuration: SSHConfiguration, _ openssh: String) -> String {
        if let path = locked.first ?? misspelt.first {
            return Self.adding(path, hasAgent: hasAgent)
        }
        if let path = open.first { return "chmod 600 \(SSHError.quoted(path))" }
        if hasCertificates { return openssh }
        if case .hung = agent { return "ssh-add -l" }
        // By the alias and its file: the way there may lead over other hosts.
        let key = configuration.identityFiles.map { $0 + ".pub" }.first { access($0, R_OK) == 0 }
        let which = key.map { "-i \(SSHError.quoted($0)) " } ?? ""
        let copy = "ssh-copy-id \(which)\(configuration.byHand)"
        // There is nothing to copy yet.
        return hasNoKey ? "ssh-keygen -t ed25519 && \(copy)" : copy
    }
}
