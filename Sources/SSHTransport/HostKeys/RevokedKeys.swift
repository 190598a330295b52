/// RevokedHostKeys: a file of public keys that no host may show.
enum RevokedKeys {
    /// - Throws: ``SSHError`` if the file is missing (a list that cannot be read revokes
    ///   everything, as ssh has it) or is a KRL, which only OpenSSH reads.
    static func contains(
        _ key: PublicKey, in path: String, alias: String
    ) throws(SSHError) -> Bool {
        guard let content = try BoundedFile.read(path) else {
            throw SSHError(
                .configuration, "the list of revoked host keys `\(path)` does not exist",
                hint: "ssh -G \(SSHError.quoted(alias)) | grep revokedhostkeys")
        }
        if content.starts(with: "SSHKRL\n\0".utf8) {
            throw SSHError(
                .unsupported, "`\(path)` is a binary list of revoked keys, which only ssh reads",
                hint: "shunt worker add NAME \(alias) --transport openssh")
        }
        return content.split(separator: UInt8(ascii: "\n")).contains { line in
            String(decoding: line, as: UTF8.self)
                .split { $0 == " " || $0 == "\t" || $0 == "\r" }
                .contains { $0 == key.base64 }
        }
    }
}
