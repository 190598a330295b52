import Foundation

/// A source file with what the rules ask of it.
struct SourceFile {
    /// Relative to the root of the checkout.
    let path: String
    let language: Language
    let lines: [String]
    let tokens: [Token]
    /// The text of the comments of each line, counted from 1.
    let comments: [Int: String]

    struct NotText: Error { var path: String }

    /// - Throws: `NotText` for what is not UTF-8.
    init(path: String, bytes: [UInt8], language: Language) throws {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw NotText(path: path)
        }
        self.path = path
        self.language = language
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
        let lexer = Lexer(bytes, language)
        tokens = lexer.tokens
        comments = lexer.comments
    }

    /// A source that a test makes up.
    init(_ text: String, language: Language = .swift) throws {
        try self.init(path: "example", bytes: Array(text.utf8), language: language)
    }

    /// The modules that it imports, with the lines.
    var imports: [(module: String, line: Int)] {
        tokens.indices.compactMap { index in
            guard tokens[index].text == "import", index + 1 < tokens.count else { return nil }
            // `import struct Module.Type` names a declaration of a module.
            let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            let name = kinds.contains(tokens[index + 1].text) ? index + 2 : index + 1
            return (tokens[name].text, tokens[index].line)
        }
    }

    /// Where these tokens stand one directly behind the other, without a blank between.
    func lines(of sequence: [String]) -> [Int] {
        guard tokens.count >= sequence.count else { return [] }
        return (0...(tokens.count - sequence.count)).compactMap { start in
            for index in sequence.indices {
                let token = tokens[start + index]
                guard token.text == sequence[index] else { return nil }
                if index > 0 {
                    let last = tokens[start + index - 1]
                    guard last.offset + last.text.utf8.count == token.offset else { return nil }
                }
            }
            return tokens[start].line
        }
    }

    /// A comment stands on the line or above it. Between the two may be lines of `kin`, lines of
    /// attributes, and the lines at which the statement began.
    func isExplained(_ line: Int, kin: Set<Int> = []) -> Bool {
        if comments[line] != nil { return true }
        var above = line - 1
        while above > 0 {
            if comments[above] != nil { return true }
            let text = lines[above - 1].drop { $0 == " " }
            let isOpen =
                [",", "(", "=", "["].contains { text.hasSuffix($0) }
                || ["guard", "if"].contains(text)
            guard isOpen || kin.contains(above) || text.hasPrefix("@") else { return false }
            above -= 1
        }
        return false
    }
}
