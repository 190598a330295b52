/// What a caller decides about hosts that are not on record yet. Keys that changed or were revoked
/// are refused whatever it says.
package struct HostKeyPolicy: Sendable {
    /// A known-hosts file of the caller's, read like the user's own, and the only one that is ever
    /// written to. It need not exist, its directory must.
    package var extraFile: String
    /// The fingerprint that a person vouched for, `SHA256:…`: it is taken without a question, and
    /// any other is refused, also for a host that is on record.
    package var accepted: String?
    /// Asked about an unknown host's key; true puts it on record.
    package var ask: (@Sendable (HostKeyQuestion) async -> Bool)?

    package init(
        extraFile: String, accepted: String? = nil,
        ask: (@Sendable (HostKeyQuestion) async -> Bool)? = nil
    ) {
        self.extraFile = extraFile
        self.accepted = accepted
        self.ask = ask
    }
}

/// An unknown host's key, for a person to compare with what the machine's administrator says.
package struct HostKeyQuestion: Hashable, Sendable {
    /// As it will stand in the file: `host`, or `[host]:port`.
    package var host: String
    /// `ssh-ed25519` and so on.
    package var type: String
    /// `SHA256:…`
    package var fingerprint: String
    /// Names under which the same key is on record already.
    package var knownAs: [String]

    package init(host: String, type: String, fingerprint: String, knownAs: [String] = []) {
        self.host = host
        self.type = type
        self.fingerprint = fingerprint
        self.knownAs = knownAs
    }
}
