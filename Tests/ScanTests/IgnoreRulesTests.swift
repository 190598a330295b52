import Testing

@testable import ContentStore

@Suite struct IgnoreRulesTests {
    /// Whether the only line of a file excludes a path; directories end in a slash.
    private func excludes(_ pattern: String, _ path: String) throws -> Bool {
        let rules = try IgnoreRules(parsing: pattern.utf8)
        let isDirectory = path.hasSuffix("/")
        let bytes = Array(isDirectory ? path.dropLast().utf8 : path[...].utf8)
        return rules.verdict(path: bytes, isDirectory: isDirectory) == .excluded
    }

    @Test(arguments: [
        ("*.o", "a.o"), ("*.o", "deep/er/a.o"), ("build/", "build/"), ("build/", "a/build/"),
        ("/build", "build"), ("doc/*.txt", "doc/a.txt"), ("**/logs", "logs"),
        ("**/logs", "x/y/logs"), ("logs/**", "logs/a"), ("logs/**", "logs/a/b"),
        ("a/**/b", "a/b"), ("a/**/b", "a/x/y/b"), ("\\#file", "#file"), ("\\!file", "!file"),
        ("a\\ ", "a "), ("a ", "a"), ("[a-c]x", "bx"), ("[!a]x", "bx"), ("[^a]x", "bx"),
        ("[]]", "]"), ("[[:digit:]]", "7"), ("[a\\]]", "]"), ("?", "z"), ("**", "x/y"),
        ("x/**/", "x/y/"), ("a[x/]c", "axc"), ("a*b*c", "a12b34c"),
    ])
    func excluded(pattern: String, path: String) throws {
        #expect(try excludes(pattern, path))
    }

    @Test(arguments: [
        ("# comment", "# comment"), ("build/", "build"), ("/build", "a/build"),
        ("doc/*.txt", "doc/x/a.txt"), ("doc/*.txt", "a/doc/b.txt"), ("logs/**", "logs/"),
        ("a/**/b", "ab"), ("[a-c]x", "dx"), ("[abc", "a"), ("abc\\", "abc"), ("a//b", "a/b"),
        ("[[:nope:]]", "n"), ("", "a"), ("!", "!"), ("/", "a/"), ("**//", "a/"),
        ("a[x/]c", "a/c"), ("*.txt", ".txt.gz"), ("a\\ ", "a"),
    ])
    func notExcluded(pattern: String, path: String) throws {
        #expect(try !excludes(pattern, path))
    }

    @Test func theLastMatchingPatternDecides() throws {
        let rules = try IgnoreRules(parsing: Array("*.log\n!keep.log\nkeep.log/\n".utf8))
        #expect(rules.verdict(path: Array("a.log".utf8), isDirectory: false) == .excluded)
        #expect(rules.verdict(path: Array("keep.log".utf8), isDirectory: false) == .included)
        #expect(rules.verdict(path: Array("keep.log".utf8), isDirectory: true) == .excluded)
        #expect(rules.verdict(path: Array("a.txt".utf8), isDirectory: false) == .undecided)
    }

    @Test func carriageReturnsAndAByteOrderMarkAreNotPartOfPatterns() throws {
        let rules = try IgnoreRules(parsing: Array("\u{FEFF}a\r\nb\r\n".utf8))
        #expect(rules.verdict(path: [UInt8(ascii: "a")], isDirectory: false) == .excluded)
        #expect(rules.verdict(path: [UInt8(ascii: "b")], isDirectory: false) == .excluded)
    }

    @Test func namesNeedNotBeUTF8() throws {
        let rules = try IgnoreRules(parsing: [0xFF, 0x2A, 0x0A, 0x3F, 0xFE])
        #expect(rules.verdict(path: [0xFF, 0x80, 0x81], isDirectory: false) == .excluded)
        #expect(rules.verdict(path: [0x80, 0xFE], isDirectory: false) == .excluded)
        #expect(rules.verdict(path: [0x80, 0x81, 0xFE], isDirectory: false) == .undecided)
    }

    @Test func manyStarsTakeNoExponentialTime() throws {
        let stars = String(repeating: "*a", count: 60) + "b"
        let deep = String(repeating: "**/a/", count: 30) + "b"
        let path = Array(repeating: Array(repeating: "a", count: 200).joined(), count: 20)
            .joined(separator: "/")
        let components = Array(repeating: "a", count: 500).joined(separator: "/")
        #expect(try !excludes(stars, path))
        #expect(try !excludes("x/" + stars, "x/" + path))
        #expect(try !excludes(deep, components))
    }

    @Test func anAbsurdNumberOfPatternsIsRefused() {
        let text = String(repeating: "a\n", count: IgnoreRules.patternLimit + 1)
        #expect(throws: (any Error).self) { try IgnoreRules(parsing: text.utf8) }
    }

    @Test(arguments: [
        (".git", true), (".git", false), ("node_modules", true), ("__pycache__", true),
        (".venv", true), (".DS_Store", false), (".train.py.swp", false),
    ])
    func builtInsExclude(name: String, isDirectory: Bool) {
        #expect(BuiltInExcludes.excludes(name: Array(name.utf8), isDirectory: isDirectory))
    }

    @Test(arguments: [
        (".gitignore", false), ("data", true), ("build", true), (".vscode", true),
        ("model.pyc", false), ("node_modules", false), (".github", true),
    ])
    func builtInsKeep(name: String, isDirectory: Bool) {
        #expect(!BuiltInExcludes.excludes(name: Array(name.utf8), isDirectory: isDirectory))
    }
}
