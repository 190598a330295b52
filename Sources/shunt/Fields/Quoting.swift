/// Text of people and files as it is shown in messages and tables.
enum Quoting {
    /// A word that a POSIX shell reads back as this text.
    static func forShell(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: Array("-_./:=@%+,".utf8).contains(byte)
                }
            }
        if isPlain { return text }
        return "'"
            + text.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''") + "'"
    }

    /// One line without control characters, so that no text moves the cursor or forges a line:
    /// `\n`, `\t`, `\r`, `\x1b`; bytes that are no UTF-8 become U+FFFD.
    static func visible(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            default:
                if scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\x" + (digits.count == 1 ? "0" + digits : digits)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    /// ``visible(_:)`` of a name from a file system.
    static func visible(path bytes: some Collection<UInt8>) -> String {
        visible(String(decoding: bytes, as: UTF8.self))
    }

    /// At most `width` characters, the last an ellipsis where something is missing.
    static func truncated(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        return width < 1 ? "" : String(text.prefix(width - 1)) + "…"
    }
}
