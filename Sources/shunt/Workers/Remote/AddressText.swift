internal import JobModel

/// Reads `[USER@]HOST[:PORT]`, with an IPv6 address in brackets where a port follows.
enum AddressText {
    static func parse(_ text: String) throws(FieldError) -> (destination: String, port: UInt16?) {
        let error = FieldError(
            "wants [USER@]HOST[:PORT], found `\(Quoting.truncated(Quoting.visible(text), to: 60))`",
            example: "ada@gpu-1.example.org:2222")
        guard !text.isEmpty, !text.hasPrefix("-"),
            text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f })
        else { throw error }
        var user = ""
        var host = text[...]
        if let at = text.lastIndex(of: "@") {
            user = String(text[...at])
            host = text[text.index(after: at)...]
            guard user.count > 1 else { throw error }
        }
        var port: UInt16?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { throw error }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = number(rest.dropFirst()) else {
                    throw error
                }
                port = number
            }
        } else if host.filter({ $0 == ":" }).count == 1, let colon = host.firstIndex(of: ":") {
            guard let number = number(host[host.index(after: colon)...]) else { throw error }
            port = number
            host = host[..<colon]
        }
        guard !host.isEmpty, !host.hasPrefix("-") else { throw error }
        return (user + host, port)
    }

    private static func number(_ text: Substring) -> UInt16? {
        UInt16(text).flatMap { $0 > 0 ? $0 : nil }
    }
}
