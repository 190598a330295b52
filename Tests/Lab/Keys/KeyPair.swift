/// A key of a user or of a host, in two files as OpenSSH keeps it.
package struct KeyPair: Sendable, Hashable {
    /// Of the private key; the public one is beside it with `.pub`.
    package let path: String
    /// The line of the public key: type, key, comment.
    package let publicLine: String

    /// Makes a key with `ssh-keygen`; blocks its thread, an RSA key for a second.
    ///
    /// - Parameters:
    ///   - path: where nothing is yet.
    ///   - passphrase: that the private key needs; none if empty.
    /// - Throws: ``LabError``.
    package init(
        at path: String, type: KeyType = .ed25519, passphrase: String = "",
        comment: String = "shunt-lab"
    ) throws {
        try Command.run([
            "ssh-keygen", "-q", "-t", type.rawValue, "-N", passphrase, "-C", comment, "-f", path,
        ])
        self.path = path
        publicLine = try Self.readPublicLine(path)
    }

    /// Takes the key that is there, or makes one as ``init(at:type:passphrase:comment:)`` does.
    ///
    /// - Throws: ``LabError``.
    package static func kept(
        at path: String, type: KeyType = .ed25519, comment: String = "shunt-lab"
    ) throws -> KeyPair {
        guard Files.exists(path) else { return try KeyPair(at: path, type: type, comment: comment) }
        return KeyPair(path: path, publicLine: try readPublicLine(path))
    }

    private init(path: String, publicLine: String) {
        self.path = path
        self.publicLine = publicLine
    }

    private static func readPublicLine(_ path: String) throws -> String {
        String(try Files.text(path + ".pub").prefix { $0 != "\n" })
    }

    /// Type and key without the comment, as a line of `known_hosts` ends.
    package var publicKey: String {
        publicLine.split(separator: " ").prefix(2).joined(separator: " ")
    }

    /// As people compare keys, and `--host-key` takes them: `SHA256:…`.
    ///
    /// - Throws: ``LabError``.
    package func fingerprint() throws -> String {
        let words = try Command.run(["ssh-keygen", "-l", "-f", path + ".pub"]).split(separator: " ")
        guard words.count > 1 else { throw LabError("no fingerprint of \(path)") }
        return String(words[1])
    }
}
