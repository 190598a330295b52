import Testing

/// What must not be in the code, and what must not be there without its reason.
@Suite struct BannedCodeTests {
    @Test func nothingIsLeftForLater() throws {
        let checkout = try Checkout.current
        expectNone((checkout.swift + checkout.c).flatMap(Self.marks))
    }

    @Test func errorsAreNotTurnedIntoTraps() throws {
        expectNone(try Checkout.current.swift.flatMap(Self.traps))
    }

    @Test func droppedErrorsAreExplained() throws {
        expectNone(try Checkout.current.swift.flatMap(Self.droppedErrors))
    }

    @Test func promisesToTheCompilerAreExplained() throws {
        expectNone(try Checkout.current.swift.flatMap(Self.promises))
    }

    /// A test waits for a thing with a deadline. The pause between two looks says that it is one.
    @Test func testsDoNotSleep() throws {
        let tests = try Checkout.current.swift.filter { $0.path.hasPrefix("Tests/") }
        expectNone(tests.flatMap(Self.sleeps))
    }

    static func marks(_ file: SourceFile) -> [Finding] {
        let banned: Set<Substring> = ["TODO", "FIXME", "XXX"]
        return file.comments.sorted { $0.key < $1.key }.filter { _, text in
            text.split { !$0.isLetter }.contains(where: banned.contains)
        }.map { Finding(path: file.path, line: $0.key, message: "left for later") }
    }

    static func traps(_ file: SourceFile) -> [Finding] {
        (file.lines(of: ["try", "!"]) + file.lines(of: ["fatalError", "("])).map {
            Finding(path: file.path, line: $0, message: "`try!` or `fatalError`")
        }
    }

    static func droppedErrors(_ file: SourceFile) -> [Finding] {
        let lines = file.lines(of: ["try", "?"])
        return lines.filter { !file.isExplained($0, kin: Set(lines)) }.map {
            Finding(path: file.path, line: $0, message: "`try?` without why failure is harmless")
        }
    }

    static func promises(_ file: SourceFile) -> [Finding] {
        let lines =
            file.lines(of: ["@", "unchecked"]) + file.lines(of: ["nonisolated", "(", "unsafe"])
        return lines.filter { line in
            // The reason may be the first thing inside of the type.
            !file.isExplained(line, kin: Set(lines)) && file.comments[line + 1] == nil
        }.map { Finding(path: file.path, line: $0, message: "a promise without its proof") }
    }

    static func sleeps(_ file: SourceFile) -> [Finding] {
        let tokens = file.tokens
        let names: Set<String> = ["sleep", "usleep", "nanosleep", "clock_nanosleep"]
        return tokens.indices.dropFirst(2).dropLast().filter { index in
            guard names.contains(tokens[index].text), tokens[index + 1].text == "(",
                tokens[index - 1].text != "func"
            else { return false }
            // `loop.sleep` is our own code, which a test may try out.
            let receiver = tokens[index - 1].text == "." ? tokens[index - 2].text : "Task"
            return receiver == "Task" && !file.isExplained(tokens[index].line)
        }.map { Finding(path: file.path, line: tokens[$0].line, message: "a test sleeps") }
    }
}
