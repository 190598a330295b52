/// A value that a job gets and that nobody else is told: a token, a password, a key.
///
/// It lives in memory and in memory-backed files alone. A spec, a ledger, a journal and a log have
/// its name; to keep it out of the last ones, a description of it never has its bytes.
package struct Secret: Hashable, Sendable {
    /// See ``isName(_:)``.
    package var name: String
    /// See ``SecretLimits``; no NUL, since a variable has it as well as a file.
    package var bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// Whether a secret can be called so: as a variable of the environment and as a file.
    package static func isName(_ text: String) -> Bool {
        guard (1...SecretLimits.nameLength).contains(text.utf8.count), !text.hasPrefix("SHUNT_")
        else { return false }
        return text.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "_"):
                true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
            default: false
            }
        }
    }

    /// What is wrong with the secrets of a job, without any of their values; `nil` where they can
    /// be handed over.
    package static func problem(of secrets: [Secret]) -> String? {
        if secrets.count > SecretLimits.count {
            return "a job has at most \(SecretLimits.count) secrets"
        }
        for (index, secret) in secrets.enumerated() {
            guard isName(secret.name) else {
                return "a secret has a name that no variable can have"
            }
            let shown = "the secret `\(secret.name)`"
            if secrets[..<index].contains(where: { $0.name == secret.name }) {
                return "\(shown) is given twice"
            }
            if secret.bytes.isEmpty { return "\(shown) is empty" }
            if secret.bytes.contains(0) {
                return "\(shown) has a NUL byte in it, which no variable can hold"
            }
            if secret.bytes.count > SecretLimits.bytes {
                return "\(shown) has more than \(ByteCount(Int64(SecretLimits.bytes)))"
            }
        }
        let total = secrets.reduce(0) { $0 + $1.bytes.count }
        if total > SecretLimits.totalBytes {
            return "the secrets of a job have at most "
                + "\(ByteCount(Int64(SecretLimits.totalBytes))) together"
        }
        return nil
    }
}

/// Bounds of the secrets of one job.
package enum SecretLimits {
    package static let count = 64
    /// Of one value: half of what Linux lets one variable have.
    package static let bytes = 64 << 10
    /// Of all values: they travel in the body of one frame.
    package static let totalBytes = 512 << 10
    /// A name is one of a file too.
    package static let nameLength = 200
    /// Jobs, or tasks, whose secrets one process keeps at a time, and the bytes of all of them.
    package static let keptKeys = 4096
    package static let keptBytes = 16 << 20
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "secret `\(name)`" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

/// JSON: the bytes in hexadecimal digits, since they may be no text.
extension Secret: Codable {
    enum CodingKeys: String, CodingKey {
        case name
        case value = "value_hex"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        let text = try container.decode(String.self, forKey: .value)
        guard let bytes = Self.bytes(ofHex: Array(text.utf8)) else {
            throw DecodingError.dataCorruptedError(
                forKey: .value, in: container, debugDescription: "a secret is no hexadecimal text")
        }
        self.bytes = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        try container.encode(String(decoding: text, as: UTF8.self), forKey: .value)
    }

    private static func bytes(ofHex text: [UInt8]) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = digit(text[index]), let low = digit(text[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
