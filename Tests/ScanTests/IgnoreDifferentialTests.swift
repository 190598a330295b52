import Testing

@testable import ContentStore

/// Our rules beside git's own, on random ignore files over a tree of awkward names.
@Suite struct IgnoreDifferentialTests {
    private static let names = [
        "a", "b", "ab", "a b", "a ", ".x", "[a]", "b-c", "a\\b", "é", "#a", "!b", "a]", "*", "abc",
        "a.o", "x\ty",
    ]
    private static let tokens = [
        "a", "b", "c", "ab", "*", "*", "?", "**", "**/", "/**", "/**/", "/", "/", "[ab]", "[!a]",
        "[^b-c]", "[a-c]", "[]]", "[[:alpha:]]", "[[:punct:]a]", "[[:space:]]", "[[:bad:]]", "[",
        "[a", "]", "\\", "\\*", "\\a", "\\ ", " ", ".", ".x", "a b", "é", "#", "!", "-", "***",
        "\\/", "[a/b]", "[\\]]", "[a-]", "[--b]", "[a\\-c]", "[[:]", "[[:a]",
    ]

    @Test func agreesWithGitCheckIgnore() throws {
        var random = SeededGenerator()
        let directory = TemporaryDirectory()
        let root = directory.string
        run(["git", "init", "-q", root])
        let entries = Self.makeTree(in: directory, using: &random)
        let input = entries.flatMap { entry -> [UInt8] in Array(entry.path.utf8) + [0] }
        var agreedExclusions = 0
        for round in 0..<400 {
            let files = Self.writeIgnoreFiles(in: directory, entries: entries, using: &random)
            let answer = run(
                [
                    "git", "-C", root, "-c", "core.excludesFile=/dev/null", "check-ignore",
                    "--no-index", "-v", "-n", "-z", "--stdin",
                ], input: input)
            let theirs = Self.parse(answer.output)
            let ours = try Self.excluded(entries: entries, files: files)
            let differing = entries.filter {
                theirs.contains($0.path) != ours.contains($0.path)
            }
            #expect(
                differing.isEmpty,
                """
                seed \(random.seed), round \(round): \(differing.map(\.path).prefix(5)) of \
                \(files.map { ($0.key, $0.value) })
                """)
            if !differing.isEmpty { return }
            agreedExclusions += ours.count
        }
        // Else nothing was compared but silence.
        #expect(agreedExclusions > entries.count * 10, "seed \(random.seed)")
    }

    private struct Entry {
        var path: String
        var isDirectory: Bool
    }

    private static func makeTree(
        in directory: TemporaryDirectory, using random: inout SeededGenerator
    ) -> [Entry] {
        var entries: [Entry] = []
        func fill(_ parent: String, depth: Int) {
            for name in names.shuffled(using: &random).prefix(depth == 0 ? 12 : 5) {
                let path = parent + name
                let isDirectory = depth < 3 && Bool.random(using: &random)
                entries.append(Entry(path: path, isDirectory: isDirectory))
                if isDirectory {
                    directory.makeDirectory(path)
                    fill(path + "/", depth: depth + 1)
                } else {
                    directory.write(path, "")
                }
            }
        }
        fill("", depth: 0)
        return entries
    }

    /// Writes a `.gitignore` at the root, and now and then one below.
    ///
    /// - Returns: their texts by directory.
    private static func writeIgnoreFiles(
        in directory: TemporaryDirectory, entries: [Entry], using random: inout SeededGenerator
    ) -> [String: String] {
        for entry in entries where entry.isDirectory {
            directory.withPath(Array((entry.path + "/.gitignore").utf8)) { _ = unlinkFile($0) }
        }
        var files = ["": ignoreText(using: &random)]
        let directories = entries.filter(\.isDirectory)
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            guard let chosen = directories.randomElement(using: &random) else { break }
            files[chosen.path] = ignoreText(using: &random)
        }
        for (path, text) in files {
            directory.write(path.isEmpty ? ".gitignore" : path + "/.gitignore", text)
        }
        return files
    }

    private static func ignoreText(using random: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            text += pattern(using: &random)
            text += Int.random(in: 0..<10, using: &random) == 0 ? "\r\n" : "\n"
        }
        return text
    }

    private static func pattern(using random: inout SeededGenerator) -> String {
        while true {
            var text = Int.random(in: 0..<5, using: &random) == 0 ? "!" : ""
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                text += tokens.randomElement(using: &random)!
            }
            if !isMisreadByGit(text) { return text }
        }
    }

    /// Before 2.53, git compared the literal start of a path pattern by itself and so took the
    /// stars of `a**/b` for a component of their own, against its own manual.
    private static func isMisreadByGit(_ pattern: String) -> Bool {
        let bytes = Array(pattern.utf8)
        guard bytes.count > 2 else { return false }
        for index in 1..<(bytes.count - 1)
        where bytes[index] == UInt8(ascii: "*") && bytes[index + 1] == UInt8(ascii: "*") {
            if bytes[index - 1] != UInt8(ascii: "/") && bytes[index - 1] != UInt8(ascii: "*") {
                return true
            }
        }
        return false
    }

    private static func parse(_ output: [UInt8]) -> Set<String> {
        let fields = output.split(separator: 0, omittingEmptySubsequences: false)
        var excluded: Set<String> = []
        var index = 0
        while index + 3 < fields.count {
            let pattern = fields[index + 2]
            if !pattern.isEmpty, pattern.first != UInt8(ascii: "!") {
                excluded.insert(String(decoding: fields[index + 3], as: UTF8.self))
            }
            index += 4
        }
        return excluded
    }

    private static func excluded(
        entries: [Entry], files: [String: String]
    ) throws -> Set<String> {
        var scopes: [String: IgnoreScope] = [
            "": IgnoreScope.root(try IgnoreRules(parsing: files[""]!.utf8))
        ]
        var excluded: Set<String> = []
        for entry in entries {
            let path = Array(entry.path.utf8)
            let nameStart = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
            let parent = String(decoding: path[..<max(0, nameStart - 1)], as: UTF8.self)
            let scope = scopes[parent]!
            if excluded.contains(parent) {
                excluded.insert(entry.path)
            } else {
                let decision = path.withUnsafeBufferPointer {
                    scope.decide(
                        path: $0, nameStart: nameStart, directoryLength: nameStart,
                        isDirectory: entry.isDirectory)
                }
                if decision.verdict == .excluded { excluded.insert(entry.path) }
            }
            guard entry.isDirectory else { continue }
            scopes[entry.path] = scope
            if let text = files[entry.path] {
                scopes[entry.path] = scope.nested(
                    try IgnoreRules(parsing: text.utf8), directory: path)
            }
        }
        return excluded
    }
}
