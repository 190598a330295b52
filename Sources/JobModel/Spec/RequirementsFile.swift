/// What a requirements file may say. An environment is named by the digest of one file, so that
/// file has to say everything: a line that leads to another file on the same machine is refused.
/// The syntax is that of `pip` ("Requirements File Format" of its documentation).
package enum RequirementsFile {
    /// - Parameter bytes: the file as it is; what is no UTF-8 is read as far as it can be.
    /// - Throws: ``ShuntError`` that shows the line.
    package static func check(_ bytes: [UInt8]) throws(ShuntError) {
        if bytes.contains(0) {
            throw ShuntError(
                .usage, "the requirements are no text in UTF-8",
                hint: "pip freeze")
        }
        for line in lines(of: bytes) where leadsElsewhere(line) {
            throw ShuntError(
                .usage,
                "`\(line)` in the requirements points at another file, and an environment is "
                    + "built from one file",
                hint: "pip freeze")
        }
    }

    /// Lines without comments; one that ends with a backslash goes on in the next.
    private static func lines(of bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var start = ""
        // By bytes: to Swift, CR and LF together are one character that is no line feed.
        for part in bytes.split(separator: UInt8(ascii: "\n")) {
            let end = part.last == UInt8(ascii: "\r") ? part.dropLast() : part
            let text = String(decoding: end, as: UTF8.self)
            if text.hasSuffix("\\") {
                start += text.dropLast()
                continue
            }
            lines.append(withoutComment(start + text))
            start = ""
        }
        lines.append(withoutComment(start))
        return lines
    }

    private static func withoutComment(_ line: String) -> String {
        var words: [Substring] = []
        for word in Self.words(of: line[...]) {
            if word.hasPrefix("#") { break }
            words.append(word)
        }
        return words.joined(separator: " ")
    }

    private static func words(of line: Substring) -> [Substring] {
        line.split { $0 == " " || $0 == "\t" || $0 == "\r" }
    }

    /// Options that name a file, or a directory where it is no URL.
    private static let files = ["-r", "--requirement", "-c", "--constraint", "-e", "--editable"]
    private static let places = [
        "-f", "--find-links", "-i", "--index-url", "--extra-index-url", "--pypi-url",
    ]

    private static func leadsElsewhere(_ line: String) -> Bool {
        if line.isEmpty { return false }
        if namesFileURL(line) { return true }
        guard line.hasPrefix("-") else { return isPath(line) }
        if files.contains(where: { value(of: $0, in: line) != nil }) { return true }
        return places.contains { option in
            value(of: option, in: line).map { !$0.contains("://") } ?? false
        }
    }

    /// What follows an option: after `=`, white space, or for one of a letter at once. Long ones
    /// can be shortened.
    private static func value(of option: String, in line: String) -> Substring? {
        guard option.hasPrefix("--") else {
            return line.hasPrefix(option) ? line.dropFirst(option.count) : nil
        }
        let name = line.prefix { $0 != "=" && $0 != " " }
        guard name.count > 3, option.hasPrefix(name) else { return nil }
        return line.dropFirst(name.count + 1)
    }

    /// `file:…`, at the start of a word or after a sign: `name@file:…`, `git+file:…`.
    private static func namesFileURL(_ line: String) -> Bool {
        let scheme = Array("file:".utf8)
        let text = Array(line.lowercased().utf8)
        return text.indices.contains { index in
            guard text[index...].starts(with: scheme) else { return false }
            guard index > 0 else { return true }
            return !isNameByte(text[index - 1])
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    private static let archives = [".whl", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"]

    /// Whether a requirement is a file or a directory, or `name @` one.
    private static func isPath(_ line: String) -> Bool {
        let requirement = line.prefix { $0 != ";" }
        var place = requirement[...]
        if let at = requirement.firstIndex(of: "@"), !requirement[..<at].contains("/") {
            place = requirement[requirement.index(after: at)...]
        }
        let first = words(of: place).first ?? ""
        if first.contains("://") { return false }
        let name = first.prefix { !"=<>!~[(,".contains($0) || $0 == "~" && first.hasPrefix("~") }
        return name.contains("/") || name.hasPrefix(".")
            || archives.contains { name.lowercased().hasSuffix($0) }
    }
}
