internal import CLinux
internal import Glibc

/// A file that IdentityFile names, looked at without its passphrase.
struct KeyFile: Hashable, Sendable {
    let path: String
    /// Known also of a protected key, where the file is of OpenSSH's own format or has a `.pub`
    /// beside it.
    private(set) var publicKey: PublicKey?
    /// There is a private key to sign with; false where the file holds a public key whose other
    /// half the ssh-agent has.
    private(set) var isPrivate = false
    private(set) var isProtected = false
    /// Others may read it: OpenSSH does not use such a key, and neither does Shunt.
    private(set) var isOpenToOthers = false

    /// - Returns: `nil` if there is no such file, or no key in it.
    init?(path: String) {
        self.path = path
        // A file that cannot be read is one that cannot be logged in with.
        guard let content = try? BoundedFile.read(path) else { return nil }
        if let key = Self.publicKey(in: content) {
            publicKey = key
            return
        }
        let text = String(decoding: content.prefix(64 << 10), as: UTF8.self)
        guard text.contains("PRIVATE KEY-----") else { return nil }
        isPrivate = true
        isOpenToOthers = Self.isOpenToOthers(path)
        if text.contains("BEGIN OPENSSH PRIVATE KEY") {
            guard readOwnFormat(text) else { return nil }
        } else {
            isProtected = text.contains("ENCRYPTED")
        }
        // It may lie beside its key, or not.
        if publicKey == nil, let beside = try? BoundedFile.read(path + ".pub") {
            publicKey = Self.publicKey(in: beside)
        }
    }

    /// A line as `id_ed25519.pub` holds it.
    private static func publicKey(in content: [UInt8]) -> PublicKey? {
        for line in content.split(separator: UInt8(ascii: "\n")).prefix(16) {
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
            if fields.count >= 2, let key = PublicKey(base64: fields[1]), key.type == fields[0] {
                return key
            }
        }
        return nil
    }

    /// OpenSSH's PROTOCOL.key: the public half and the name of the cipher are not encrypted.
    private mutating func readOwnFormat(_ text: String) -> Bool {
        let lines = text.split(whereSeparator: \.isNewline)
            .drop { !$0.hasPrefix("-----BEGIN OPENSSH") }.dropFirst()
            .prefix { !$0.hasPrefix("-----") }
        let magic = Array("openssh-key-v1\0".utf8)
        guard let bytes = Base64.decode(lines.joined().utf8), bytes.starts(with: magic) else {
            return false
        }
        var reader = WireReader(bytes.dropFirst(magic.count))
        guard let cipher = reader.string(), reader.string() != nil, reader.string() != nil,
            reader.number() == 1, let blob = reader.string()
        else { return false }
        isProtected = !cipher.elementsEqual("none".utf8)
        publicKey = PublicKey(blob: blob)
        return true
    }

    private static func isOpenToOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_uid == getuid() && status.st_mode & 0o077 != 0
    }
}
