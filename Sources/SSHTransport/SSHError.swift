/// Why there is no connection to a machine, or no stream over it: what went wrong in one line, and
/// what to do about it.
package struct SSHError: Error, Hashable, Sendable {
    package var code: Code
    /// One sentence without a full stop, lower case, with the names that matter in backquotes.
    package var message: String
    /// A command that can be run, or a sentence that says what to change; `nil` only where nothing
    /// a person does would help.
    package var hint: String?

    package init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// What went wrong, as programs read it.
    package enum Code: String, Sendable, CaseIterable {
        /// The host's name has no address.
        case nameNotResolved
        /// Nothing listens on the port, or the server turned the connection away at once.
        case refusedConnection
        /// No answer within the time: a filtered port, a machine that is off, a silent server.
        case timedOut
        /// The network has no way to the address.
        case unreachable
        /// Something answers on the port that does not speak SSH.
        case notSSH
        /// The connection ended, or no agreement was found, before the host key was verified.
        case handshake
        /// The host is met for the first time, and nobody has vouched for its key.
        case hostKeyUnknown
        /// The host shows another key than the one on record.
        case hostKeyChanged
        /// The key that the host shows is marked as revoked.
        case hostKeyRevoked
        /// Keys of other types than the one that the host shows are on record.
        case hostKeyType
        /// The server accepted no key: a person has to do something.
        case needsLogin
        /// The ProxyCommand or the ProxyJump on the way did not lead there.
        case proxy
        /// The server opens no further sessions on this connection (MaxSessions).
        case sessionLimit
        /// A connection that had stood broke.
        case lost
        /// The destination or the SSH configuration cannot be used as it is.
        case configuration
        /// `ssh` is not installed here.
        case missingProgram
        /// Asked for what this transport cannot do.
        case unsupported
    }
}

extension SSHError: CustomStringConvertible {
    package var description: String { message }
}

extension SSHError {
    /// What a shell reads back as `word`.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_-./:@%+=,".utf8.contains(byte)
            }
        }
        if plain, !word.isEmpty { return word }
        let inner = word.split(separator: "'", omittingEmptySubsequences: false)
        return "'" + inner.joined(separator: #"'\''"#) + "'"
    }

    /// Bytes that a peer or a child said, fit for one line: what is not printable becomes a dot.
    static func printable(_ bytes: some Sequence<UInt8>, limit: Int = 60) -> String {
        let shown = bytes.prefix(limit).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: ".") }
        return String(decoding: shown, as: UTF8.self)
    }
}
