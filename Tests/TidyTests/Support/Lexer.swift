/// Which rules of comments and literals hold.
enum Language {
    case swift
    case c
}

/// A word or a punctuation mark of code: neither of a comment nor of a literal.
struct Token: Equatable {
    /// An identifier or keyword whole, a string literal as `"` alone, any other byte by itself.
    var text: String
    /// From 1.
    var line: Int
    /// Of the first byte.
    var offset: Int
}

/// Splits a source into tokens and comments, well enough for the rules of this target: it knows
/// nested comments, raw and multi-line strings, interpolations and extended regular expressions.
/// It does not know regular expressions between bare slashes; the style has none.
struct Lexer {
    private(set) var tokens: [Token] = []
    /// The text of the comments of each line, with their marks.
    private(set) var comments: [Int: String] = [:]

    private let bytes: [UInt8]
    private let language: Language
    private var position = 0
    private var line = 1

    init(_ bytes: [UInt8], _ language: Language) {
        self.bytes = bytes
        self.language = language
        while position < bytes.count { step() }
    }

    private func byte(_ ahead: Int = 0) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private func sees(_ text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount
        where bytes[position + index] != text.utf8Start[index] { return false }
        return true
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private mutating func step() {
        let here = bytes[position]
        if sees("//") {
            lineComment()
        } else if sees("/*") {
            blockComment()
        } else if let hashes = literalHashes() {
            tokens.append(Token(text: "\"", line: line, offset: position))
            advance(hashes)
            string(hashes: hashes)
        } else if language == .swift, sees("#/") {
            while position < bytes.count, !sees("/#") { advance() }
            advance(2)
        } else if language == .c, here == UInt8(ascii: "'") {
            character()
        } else if Self.isWord(here) || here == UInt8(ascii: "`") {
            word()
        } else {
            if here > UInt8(ascii: " ") {
                tokens.append(
                    Token(text: String(UnicodeScalar(here)), line: line, offset: position))
            }
            advance()
        }
    }

    private mutating func word() {
        let start = position
        if byte() == UInt8(ascii: "`") {
            advance()
            while let next = byte(), next != UInt8(ascii: "`") { advance() }
            advance()
        } else {
            while let next = byte(), Self.isWord(next) { advance() }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        tokens.append(Token(text: text, line: line, offset: start))
    }

    private mutating func lineComment() {
        let start = position
        while let next = byte(), next != UInt8(ascii: "\n") { advance() }
        note(start..<position, on: line)
    }

    private mutating func blockComment() {
        var depth = 0
        var start = position
        repeat {
            if sees("/*"), depth == 0 || language == .swift {
                depth += 1
                advance(2)
            } else if sees("*/") {
                depth -= 1
                advance(2)
            } else {
                if byte() == UInt8(ascii: "\n") {
                    note(start..<position, on: line)
                    start = position + 1
                }
                advance()
            }
        } while depth > 0 && position < bytes.count
        note(start..<position, on: line)
    }

    private mutating func note(_ range: Range<Int>, on line: Int) {
        comments[line, default: ""] += String(decoding: bytes[range], as: UTF8.self)
    }

    private mutating func character() {
        advance()
        while let next = byte(), next != UInt8(ascii: "'"), next != UInt8(ascii: "\n") {
            advance(next == UInt8(ascii: "\\") ? 2 : 1)
        }
        advance()
    }

    /// How many `#` open the string literal that begins here; nil if none does.
    private func literalHashes() -> Int? {
        var hashes = 0
        while language == .swift, byte(hashes) == UInt8(ascii: "#") { hashes += 1 }
        return byte(hashes) == UInt8(ascii: "\"") ? hashes : nil
    }

    /// Passes a literal, from its first quotation mark to behind its last `#`.
    private mutating func string(hashes: Int) {
        let quotes = language == .swift && sees("\"\"\"") ? 3 : 1
        advance(quotes)
        while let here = byte() {
            if here == UInt8(ascii: "\\"), followed(by: hashes, after: 1) {
                advance(1 + hashes)
                if language == .swift, byte() == UInt8(ascii: "(") {
                    interpolation()
                } else {
                    advance()
                }
            } else if quotes == 3 ? sees("\"\"\"") : here == UInt8(ascii: "\""),
                followed(by: hashes, after: quotes)
            {
                return advance(quotes + hashes)
            } else if quotes == 1, here == UInt8(ascii: "\n") {
                return
            } else {
                advance()
            }
        }
    }

    private func followed(by hashes: Int, after: Int) -> Bool {
        (0..<hashes).allSatisfy { byte(after + $0) == UInt8(ascii: "#") }
    }

    /// What stands in an interpolation is code, but no rule needs to see it.
    private mutating func interpolation() {
        let count = tokens.count
        var depth = 0
        repeat {
            if byte() == UInt8(ascii: "(") { depth += 1 }
            if byte() == UInt8(ascii: ")") { depth -= 1 }
            step()
        } while depth > 0 && position < bytes.count
        tokens.removeSubrange(count...)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}
