internal import JobModel

/// Paths and globs that name parts of a tree: the `outputs:` of a job, the paths of `pull`.
///
/// A pattern is relative to the root and stands for the whole path: `model.pt`, `runs/*/log.txt`,
/// `**/*.ckpt`. `*`, `?` and brackets match within a name, `**` any number of directories, a
/// backslash quotes. What names a directory names everything beneath it.
package struct PathPatterns: Sendable {
    /// As they were given, for messages.
    package let texts: [String]
    private let compiled: [[IgnorePattern.Component]]

    /// The most patterns that are taken.
    package static let limit = 1000

    /// - Throws: ``ShuntError`` `.usage` for a pattern that is absolute, empty, leads outside with
    ///   `..`, or has an unclosed bracket.
    package init(_ texts: [String]) throws {
        guard texts.count <= Self.limit else {
            throw ShuntError(
                .usage,
                "\(texts.count) patterns are more than the \(Self.limit) that are taken; "
                    + "a directory stands for all that is in it",
                hint: "shunt run --output results -- true")
        }
        self.texts = texts
        compiled = try texts.map(Self.compile)
    }

    private static func compile(_ text: String) throws -> [IgnorePattern.Component] {
        let slash = UInt8(ascii: "/")
        let bytes = Array(text.utf8)
        guard bytes.first != slash else {
            throw refused(text, "is absolute", "shunt run --output 'results/*.csv' -- true")
        }
        let names = bytes.split(separator: slash).filter { $0 != [UInt8(ascii: ".")] }
        guard !names.contains(Array("..".utf8)[...]), !bytes.contains(0) else {
            throw refused(
                text, "leads out of the working directory",
                "shunt run --output 'results/*.csv' -- true")
        }
        // The whole directory, spelled `.`, is everything in it.
        guard !names.isEmpty else {
            if bytes.isEmpty {
                throw refused(text, "is empty", "shunt run --output results -- true")
            }
            return [.anyDepth]
        }
        let path = Array(names.joined(separator: [slash]))
        guard let parsed = IgnorePatternParser.components(of: path) else {
            throw refused(
                text, "has an unclosed bracket or a backslash at its end",
                "shunt run --output 'results/*.csv' -- true")
        }
        return parsed
    }

    private static func refused(_ text: String, _ why: String, _ hint: String) -> ShuntError {
        ShuntError(.usage, "the pattern `\(escapedForPeople(text.utf8))` \(why)", hint: hint)
    }

    /// The patterns, by index, that name this path or a directory above it.
    package func matching(_ path: RawPath) -> [Int] {
        compiled.indices.filter { index in
            path.bytes.withUnsafeBufferPointer { bytes in
                Self.matchesPathOrAncestor(compiled[index], bytes)
            }
        }
    }

    private static func matchesPathOrAncestor(
        _ components: [IgnorePattern.Component], _ path: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        if IgnorePattern.matches(components, path: path) { return true }
        for (index, byte) in path.enumerated() where byte == UInt8(ascii: "/") {
            let ancestor = UnsafeBufferPointer(rebasing: path[..<index])
            if IgnorePattern.matches(components, path: ancestor) { return true }
        }
        return false
    }

    /// Whether a pattern names this very path or one beneath it with its last component spelled
    /// out and not by a wildcard: what is left out by default is meant then.
    func spellsOut(_ path: RawPath) -> Bool {
        let names = path.components
        return compiled.contains { components in
            guard components.count >= names.count else { return false }
            for (index, name) in names.enumerated() {
                guard case .name(let glob) = components[index],
                    name.withUnsafeBufferPointer({ glob.matches($0) }),
                    index < names.count - 1 || glob.literal != nil
                else { return false }
            }
            return true
        }
    }
}
