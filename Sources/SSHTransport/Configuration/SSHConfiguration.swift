internal import Glibc

/// What the user's SSH configuration says about one target, as `ssh -G` resolves it: aliases,
/// `Match` blocks and `Include`s are its business, so that Shunt goes where `ssh` goes.
package struct SSHConfiguration: Hashable, Sendable {
    /// What the person called it (`%n`).
    package var alias: String
    /// ``SSHTarget/byHand``.
    package var byHand: String
    /// Name or address to connect to.
    package var hostName: String
    package var port: Int
    package var user: String
    /// In the order of the configuration; absolute where they were given so or with `~`.
    package var identityFiles: [String] = []
    /// Only the keys of ``identityFiles``, not all that the ssh-agent holds.
    package var identitiesOnly = false
    package var identityAgent = IdentityAgent.inherited
    /// Only the `openssh` transport logs in with them; an error can say so.
    package var certificateFiles: [String] = []
    package var way = Way.direct
    package var userKnownHosts: [String] = []
    package var globalKnownHosts: [String] = []
    /// Under which name the host's key is on record, where that is not its own.
    package var hostKeyAlias: String?
    package var revokedHostKeys: String?
    /// A command that lists known hosts, which only the `openssh` transport runs.
    package var knownHostsCommand: String?
    /// As the configuration orders them, certificates among them.
    package var hostKeyAlgorithms: [String] = []
    package var unknownHosts = UnknownHosts.ask
    /// By ControlMaster and ControlPath: a login by hand serves others.
    package var sharesConnections = false
    package var connectTimeout: Duration?
    package var addressFamily = AddressFamily.any
    package var bindAddress: String?
    package var allowsPublicKey = true

    /// Where the keys of the ssh-agent come from.
    package enum IdentityAgent: Hashable, Sendable {
        /// `SSH_AUTH_SOCK`.
        case inherited
        case none
        case socket(String)
    }

    /// How the connection's bytes get there.
    package enum Way: Hashable, Sendable {
        case direct
        /// A command whose standard streams are the connection, tokens not yet replaced.
        case command(String)
        /// Hosts on the way, the first to be reached first.
        case jump([String])
    }

    /// What StrictHostKeyChecking says about a host that is not on record.
    package enum UnknownHosts: String, Hashable, Sendable {
        case ask
        /// `accept-new`, `no` and `off`: a key is taken at first sight.
        case accept
        /// `yes`: nobody is asked.
        case refuse
    }

    /// Which of a name's addresses are tried.
    package enum AddressFamily: Hashable, Sendable {
        case any, inet, inet6
    }

    package init(alias: String, hostName: String, port: Int, user: String) {
        self.alias = alias
        byHand = SSHError.quoted(alias)
        self.hostName = hostName
        self.port = port
        self.user = user
    }

    /// The names under which the host's key may be on record, the best first: OpenSSH looks a host
    /// on another port up under its plain name too, where it finds nothing else.
    package var knownHostsNames: [String] {
        if let hostKeyAlias { return [hostKeyAlias.lowercased()] }
        let host = hostName.lowercased()
        return port == 22 ? [host] : ["[\(host)]:\(port)", host]
    }
}
