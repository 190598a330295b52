/// A target as `Package.swift` declares it.
struct Target: Equatable {
    enum Kind: String {
        case library = "target"
        case executable = "executableTarget"
        case test = "testTarget"
        case system = "systemLibrary"
    }

    var name: String
    var kind: Kind
    /// Targets and products by name, in the order of the manifest.
    var dependencies: [String]
    /// Relative to the root of the checkout.
    var path: String

    struct Unreadable: Error { var text: String }

    /// Reads the calls `.target(…)` and the like. The manifest is a program, and only its
    /// evaluation would be exact; this reads one that is a list of literals, as ours is.
    static func all(inManifest bytes: [UInt8]) throws -> [Target] {
        let tokens = Lexer(bytes, .swift).tokens
        guard let list = tokens.lastIndex(where: { $0.text == "targets" }) else {
            throw Unreadable(text: "the manifest has no list of targets")
        }
        var targets: [Target] = []
        var index = list
        while index + 2 < tokens.count {
            if tokens[index].text == ".", let kind = Kind(rawValue: tokens[index + 1].text) {
                // What stands inside, a `.target(name:)` among the dependencies say, is none.
                let end = closing(index + 2, in: tokens)
                let call = ManifestCall(tokens: tokens[(index + 2)...end], text: bytes)
                targets.append(try Target(kind, call))
                index = end
            }
            index += 1
        }
        return targets
    }

    private init(_ kind: Kind, _ call: ManifestCall) throws {
        guard let name = call.strings(of: "name").first else {
            throw Unreadable(text: "a target has no name")
        }
        self.name = name
        self.kind = kind
        dependencies = call.strings(of: "dependencies")
        let folder = kind == .test ? "Tests" : "Sources"
        path = call.strings(of: "path").first ?? "\(folder)/\(name)"
    }
}

/// The parenthesis of a call, with what it reads from.
private struct ManifestCall {
    var tokens: ArraySlice<Token>
    var text: [UInt8]

    /// The strings of an argument: one, or those of a list; of a product its name without its
    /// package's.
    func strings(of label: String) -> [String] {
        guard let start = tokens.firstIndex(where: { $0.text == label }) else { return [] }
        let value = start + 2
        let end = tokens[value].text == "[" ? closing(value, in: tokens) : value
        return (value...end).compactMap { index in
            guard tokens[index].text == "\"", tokens[index - 2].text != "package" else {
                return nil
            }
            let first = tokens[index].offset + 1
            return String(
                decoding: text[first...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        }
    }
}

/// The bracket that closes the one at `open`.
private func closing<Tokens>(_ open: Int, in tokens: Tokens) -> Int
where Tokens: RandomAccessCollection<Token>, Tokens.Index == Int {
    var depth = 0
    for index in open..<tokens.endIndex {
        if ["(", "["].contains(tokens[index].text) { depth += 1 }
        if [")", "]"].contains(tokens[index].text) { depth -= 1 }
        if depth == 0 { return index }
    }
    return open
}
