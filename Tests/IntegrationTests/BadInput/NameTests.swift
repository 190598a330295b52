import Foundation
import Testing

/// Names that programs often trip over, as inputs and as outputs: byte for byte the same.
@Suite struct NameTests {
    /// Makes every such name in the current directory, as files with content, directories with a
    /// file, empty files and empty directories.
    private static let program = """
        import os
        names = [b'two words', b' lead', b'trail ', b'new\\nline', b'tab\\there', b'cr\\rhere',
                 b"quo'te", b'quo"te', b'back\\\\slash', b'-dash', b'--', b'-rf', b'*', b'?',
                 b'$(id)', b'`id`', b'~', b'!x', b'#x', b'a;b', b'a&b', b'a|b', b'<>', b'%2f',
                 b'[a]', b'caf\\xe9', b'\\xff\\xfe', b'\\xc3\\xa9', b'e\\xcc\\x81',
                 b'\\x01\\x1b[31m', b'...', b'..x', b'.hidden', b'con', b'x' * 255,
                 b'\\xf0\\x9f\\x98\\x80', b':', b'=']
        for name in names:
            for directory in (b'files', b'empty', b'dirs/' + name, b'bare/' + name):
                os.makedirs(directory, exist_ok=True)
            open(b'files/' + name, 'wb').write(name)
            open(b'empty/' + name, 'wb').close()
            open(b'dirs/' + name + b'/in', 'wb').write(b'in ' + name)
        """
    private static let list = """
        find . -mindepth 1 -printf '%y %p\\0' | LC_ALL=C sort -z | od -An -c; \
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum --zero | od -An -c
        """

    @Test func namesAndEmptyThingsArriveAsTheyAre() async throws {
        try await ShuntHome.use { home in
            try program(home)
            let made = try await home.shell("python3 ../make.py")
            try #require(made.code == 0, "\(made.errorText)")
            let here = try await home.shell(Self.list)
            let there = try await home.run("run", "-q", "--", "sh", "-c", Self.list)
            #expect(there.code == 0, "\(there.errorText)")
            #expect(there.text == here.text)
            #expect(here.text.utf8.count > 10_000)
            let hidden = try await home.run("run", "--dry-run", "--", "true")
            #expect(!hidden.errorText.contains("\u{1b}") && !hidden.text.contains("\u{1b}"))
        }
    }

    /// The outputs are placed into the directory itself, as `run` does.
    @Test func namesAndEmptyThingsComeBackAsTheyAre() async throws {
        try await ShuntHome.use { home in
            try program(home)
            let expected = home.base + "/expected"
            #expect(mkdir(expected, 0o700) == 0)
            #expect(try await home.shell("python3 ../make.py", cwd: expected).code == 0)
            let ran = try await home.run(
                "run", "--", "sh", "-c", "python3 '\(home.base)/make.py'")
            #expect(ran.code == 0, "\(ran.errorText)")
            #expect(!ran.errorText.contains("\u{1b}"))
            let wanted = try await home.shell(Self.list, cwd: expected)
            #expect(try await home.shell(Self.list).text == wanted.text)
        }
    }

    @Test func anOddWorkingDirectoryIsAsGoodAsAnother() async throws {
        try await ShuntHome.use { home in
            let line = """
                set -e
                for name in 'a b' 'new
                line' "quo'te" -dash "$(printf 'caf\\351')"; do
                    mkdir "./$name"; cd "./$name"; echo in >in
                    shunt run -q -- sh -c 'cat in; echo out >out' || echo "failed: $?"
                    cat out; cd ..
                done
                """
            let outcome = try await home.shell(line)
            #expect(outcome.text == String(repeating: "in\nout\n", count: 5))
            #expect(outcome.errorText.isEmpty, "\(outcome.errorText)")
        }
    }

    @Test func oneOutputOfAnOddNameIsPulledAlone() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "-q", "--no-pull", "--name", "odd", "--", "sh", "-c",
                "echo 1 >'a b'; echo 2 >-dash; echo 3 >other; printf 4 >'new\nline'")
            #expect(ran.code == 0, "\(ran.errorText)")
            let pulled = try await home.run("pull", "-q", "odd", "--", "a b", "-dash", "new\nline")
            #expect(pulled.code == 0, "\(pulled.errorText)")
            #expect(try home.read("a b") == "1\n")
            #expect(try home.read("-dash") == "2\n")
            #expect(try home.read("new\nline") == "4")
            #expect(!home.exists("other"))
        }
    }

    private func program(_ home: ShuntHome) throws {
        try Self.program.write(
            toFile: home.base + "/make.py", atomically: false, encoding: .utf8)
    }
}
