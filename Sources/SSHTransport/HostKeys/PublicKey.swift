internal import CLibSSH

/// A public key as servers show it and files hold it.
package struct PublicKey: Hashable, Sendable {
    /// As RFC 4253 encodes it: the name of its type, then its numbers.
    package let blob: [UInt8]
    /// `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256` and so on.
    package let type: String

    /// - Returns: `nil` for bytes that begin with no type.
    package init?(blob: [UInt8]) {
        var reader = WireReader(blob)
        guard let name = reader.string(), !name.isEmpty, name.count < 128,
            name.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.blob = blob
        type = String(decoding: name, as: UTF8.self)
    }

    /// From the Base64 of a file.
    package init?(base64: some StringProtocol) {
        guard let blob = Base64.decode(base64.utf8) else { return nil }
        self.init(blob: blob)
    }

    /// The form of known-hosts and `authorized_keys` files.
    package var base64: String { Base64.encode(blob) }

    /// `SHA256:` and the digest, as `ssh-keygen -l` prints it.
    package var fingerprint: String {
        var key: ssh_key?
        guard ssh_pki_import_pubkey_base64(base64, ssh_key_type_from_name(type), &key) == SSH_OK,
            let key
        else { return "a key of type \(type)" }
        defer { ssh_key_free(key) }
        var hash: UnsafeMutablePointer<UInt8>?
        var length = 0
        guard
            ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) == SSH_OK,
            let hash
        else { return "a key of type \(type)" }
        defer { ssh_clean_pubkey_hash_of(hash) }
        let digest = UnsafeBufferPointer(start: hash, count: length)
        return "SHA256:" + Base64.encode(Array(digest), padded: false)
    }

    private func ssh_clean_pubkey_hash_of(_ hash: UnsafeMutablePointer<UInt8>) {
        var hash: UnsafeMutablePointer<UInt8>? = hash
        ssh_clean_pubkey_hash(&hash)
    }

    /// As the names of sshd's key files have it.
    var shortType: String {
        if type.hasPrefix("ecdsa") { return "ecdsa" }
        return type == "ssh-rsa" ? "rsa" : "ed25519"
    }

    /// The algorithms by which a host proves that it has this key, the best first.
    var hostKeyAlgorithms: [String] {
        type == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type]
    }
}
