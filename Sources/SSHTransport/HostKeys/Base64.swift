/// Base64 of RFC 4648, as keys stand in OpenSSH's files.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: some Collection<UInt8>, padded: Bool = true) -> String {
        var result: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let group = Array(rest.prefix(3))
            rest = rest.dropFirst(3)
            let word = (0..<3).reduce(0) { $0 << 8 | Int($1 < group.count ? group[$1] : 0) }
            for index in 0...group.count {
                result.append(alphabet[word >> (18 - 6 * index) & 63])
            }
            if padded { result += [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// - Returns: `nil` for what is no Base64; line ends are passed over.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var word = 0
        var bits = 0
        var isPadded = false
        for character in text {
            if character == UInt8(ascii: "\n") || character == UInt8(ascii: "\r") { continue }
            if character == UInt8(ascii: "=") {
                isPadded = true
                continue
            }
            let value = values[Int(character)]
            guard value != 0xff, !isPadded else { return nil }
            word = (word << 6 | Int(value)) & 0xffff
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(word >> bits & 0xff))
            }
        }
        return result
    }
}
