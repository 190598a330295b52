import Foundation
import Testing

/// What a job writes and how it ends, as `shunt run` passes them on.
@Suite struct StreamTests {
    @Test func streamsStayApartAndTheCodeIsTheJobs() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                "run", "-q", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
            #expect(outcome.code == 7)
            #expect(outcome.text == "out\n")
            #expect(outcome.errorText == "err\n")
        }
    }

    @Test func aSignalCountsAsAShellCountsIt() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run("run", "-q", "--", "sh", "-c", "kill -TERM $$")
            #expect(outcome.code == 128 + SIGTERM)
            #expect(outcome.text.isEmpty)
        }
    }

    @Test func aCommandThatIsNotThereIs127AndOneThatCannotBeExecutedIs126() async throws {
        try await ShuntHome.use { home in
            let absent = try await home.run("run", "-q", "--", "no-such-command-anywhere")
            #expect(absent.code == 127)
            #expect(absent.text.isEmpty)
            expectRemedy(absent, naming: "no-such-command-anywhere")

            try home.write("plain.txt", "not a program\n")
            let plain = try await home.run("run", "-q", "--", "./plain.txt")
            #expect(plain.code == 126)
            #expect(plain.text.isEmpty)
            expectRemedy(plain, naming: "plain.txt")
        }
    }

    @Test func aHundredMegabytesArriveUnchanged() async throws {
        try await ShuntHome.use { home in
            let program = """
                import sys
                block = bytes((i * 7 + i // 256) % 256 for i in range(1 << 20))
                for i in range(100):
                    sys.stdout.buffer.write(bytes([i]) + block[1:])
                """
            try home.write("write.py", program)
            let direct = try await home.shell("python3 write.py | sha256sum")
            let through = try await home.shell(
                "shunt run -q -- python3 write.py | sha256sum", within: .seconds(120))
            #expect(through.code == 0)
            #expect(through.text == direct.text)
            #expect(through.errorText.isEmpty)
        }
    }

    @Test func aLongLineBinaryBytesAndAProgressBarPassUnchanged() async throws {
        try await ShuntHome.use { home in
            let program = """
                import sys
                out = sys.stdout.buffer
                out.write(b"x" * 10_000_000 + b"\\n")
                out.write(bytes(range(256)) * 16)
                for i in range(100):
                    out.write(b"\\r%3d %%" % i)
                    out.flush()
                out.write(b"no newline at the end")
                """
            try home.write("write.py", program)
            let direct = try await home.shell("python3 write.py")
            let through = try await home.run("run", "-q", "--", "python3", "write.py")
            #expect(through.code == 0)
            #expect(through.output.count == direct.output.count)
            #expect(through.output == direct.output)
        }
    }

    @Test func aPipeCountsTheSameLinesAsWithoutShunt() async throws {
        try await ShuntHome.use { home in
            try home.write("data.csv", String(repeating: "1,2,3\n", count: 4321))
            let outcome = try await home.shell("shunt run -- cat data.csv | wc -l")
            #expect(outcome.text.trimmingCharacters(in: .whitespaces) == "4321\n")
        }
    }

    @Test func standardInputIsEmptyAndThatIsSaidOnce() async throws {
        try await ShuntHome.use { home in
            let outcome = try await home.run(
                ["run", "--", "sh", "-c", "readlink /proc/self/fd/0; cat"],
                stdin: .pipe(Array("nobody reads this\n".utf8)))
            #expect(outcome.code == 0)
            #expect(outcome.text == "/dev/null\n")
            let said = outcome.errorLines.filter { $0.contains("standard input") }
            #expect(said.count == 1, "\(outcome.errorText)")
        }
    }

    @Test func progressIsPlainLinesOnStandardErrorAndNoneWhenQuiet() async throws {
        try await ShuntHome.use { home in
            let loud = try await home.run("run", "--", "echo", "out")
            #expect(loud.text == "out\n")
            #expect(loud.errorLines.allSatisfy { $0.hasPrefix("shunt: ") }, "\(loud.errorText)")
            #expect(!loud.errorText.contains("\r") && !loud.errorText.contains("\u{1b}"))
            let quiet = try await home.run("run", "-q", "--", "echo", "out")
            #expect(quiet.text == "out\n")
            #expect(quiet.errorText.isEmpty)
        }
    }

    @Test func aReaderThatLeavesEndsTheCommandAndNotTheJob() async throws {
        try await ShuntHome.use { home in
            let line = """
                shunt run -q -- sh -c 'yes | head -c 3000000; echo done > done.txt' | head -n 1
                """
            let outcome = try await home.shell(line)
            #expect(outcome.text == "y\n")
            let job = try await home.latestJob()
            let waited = try await home.run("wait", job)
            #expect(waited.code == 0)
            #expect(try await home.inspect(job)["state"].string == "succeeded")
        }
    }
}
