import Foundation
import Testing

/// What is sent, and that every tree comes through.
@Suite struct ContentTests {
    @Test func unchangedResubmissionSendsNextToNothing() async throws {
        try await ShuntHome.use { shared in
            // An agent with a store of its own: all content goes over the socket.
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            for index in 0..<40 {
                let bytes = Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* index) })
                try home.write("data/\(index).bin", bytes)
            }
            #expect(try await home.run("run", "-q", "--", "sh", "-c", "cat data/*").code == 0)
            let first = try await home.inspect(try await home.latestJob())
            #expect((first["bytes_sent"].int ?? 0) > 10_000, "\(first["bytes_sent"])")
            let again = try await home.run("run", "-q", "--", "sh", "-c", "cat data/* | wc -c")
            #expect(again.text.trimmingCharacters(in: .whitespacesAndNewlines) == "2000000")
            let second = try await home.inspect(try await home.latestJob())
            #expect((second["bytes_sent"].int ?? .max) < 65_536, "\(second["bytes_sent"])")
        }
    }

    @Test func aLargeFileGoesByReferenceToAnAgentOfItsOwn() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            let made = try await home.shell(
                "python3 -c \"import random; f = open('big', 'wb'); r = random.Random(1); "
                    + "[f.write(r.randbytes(1 << 20)) for _ in range(70)]\" && sha256sum big")
            #expect(made.code == 0, "\(made.errorText)")
            let outcome = try await home.run("run", "-q", "--", "sha256sum", "big")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == made.text)
        }
    }

    @Test func twoSubmissionsAtOnceBothComeThrough() async throws {
        try await ShuntHome.use { home in
            try home.write("a.txt", "a\n")
            async let one = home.run("run", "-q", "--", "cat", "a.txt")
            async let two = home.run("run", "-q", "--", "cat", "a.txt")
            let outcomes = try await [one, two]
            for outcome in outcomes {
                #expect(outcome.code == 0, "\(outcome.errorText)")
                #expect(outcome.text == "a\n")
            }
        }
    }

    @Test func oddNamesComeThroughThereAndBack() async throws {
        try await ShuntHome.use { home in
            let make = """
                mkdir 'with space' empty
                for name in 'with space/a b' 'new
                line' "quo'te\\"s" -dash zero; do : > "./$name"; done
                printf x > "$(printf 'caf\\351')"
                """
            #expect(try await home.shell(make).code == 0)
            let list = "find . | LC_ALL=C sort | od -c"
            let here = try await home.shell(list)
            let there = try await home.run("run", "-q", "--", "sh", "-c", list)
            #expect(there.code == 0, "\(there.errorText)")
            #expect(there.text == here.text)
            // And the same names as outputs of a job.
            let other = home.base + "/back"
            let run = try await home.run(
                "run", "-q", "--no-pull", "--name", "names", "--", "sh", "-c",
                "mkdir out; cd out; " + make)
            #expect(run.code == 0, "\(run.errorText)")
            let pull = try await home.run("pull", "names", "--into", other)
            #expect(pull.code == 0, "\(pull.errorText)")
            let files = "find . -type f | LC_ALL=C sort | od -c"
            let back = try await home.shell(files, cwd: other + "/out")
            let original = try await home.shell(files)
            #expect(back.text == original.text)
        }
    }

    @Test func deepTreesAndManyFilesComeThrough() async throws {
        let count = ProcessInfo.processInfo.environment["SHUNT_FILES"] ?? "20000"
        try await ShuntHome.use { home in
            let make = """
                import os
                for i in range(\(count)):
                    d = 'many/%03d' % (i // 200)
                    if i % 200 == 0: os.makedirs(d)
                    open('%s/%d' % (d, i), 'w').close()
                os.makedirs('/'.join(['deep'] * 100))
                open('/'.join(['deep'] * 100) + '/end', 'w').close()
                """
            let made = try await home.shell(
                "cat > ../make.py <<'END'\n\(make)\nEND\npython3 ../make.py")
            #expect(made.code == 0, "\(made.errorText)")
            let outcome = try await home.run(
                ["run", "-q", "--", "sh", "-c", "find many -type f | wc -l; find deep -name end"],
                within: .seconds(240))
            #expect(outcome.code == 0, "\(outcome.errorText)")
            let deep = Array(repeating: "deep", count: 100).joined(separator: "/") + "/end\n"
            #expect(outcome.text == count + "\n" + deep)
        }
    }

    @Test func fifosAndSocketsAreLeftOutWithAWarning() async throws {
        try await ShuntHome.use { home in
            let made = try await home.shell(
                "mkfifo pipe; python3 -c \"import socket; "
                    + "socket.socket(socket.AF_UNIX).bind('sock')\"; echo x > file")
            #expect(made.code == 0, "\(made.errorText)")
            let outcome = try await home.run("run", "--", "ls")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == "file\n")
            #expect(outcome.errorText.contains("pipe") && outcome.errorText.contains("sock"))
        }
    }

    @Test func credentialsStayHereAndAreNamed() async throws {
        try await ShuntHome.use { home in
            try home.write(".env", "TOKEN=1\n")
            try home.write("code.py", "\n")
            let outcome = try await home.run("run", "--", "ls", "-A")
            #expect(outcome.text == "code.py\n")
            #expect(outcome.errorText.contains(".env"))
            #expect(outcome.errorText.contains("replaces the built-in excludes"))
        }
    }

    @Test func aQuestionAboutSizeNamesWhatTheWorkerLacks() async throws {
        try await ShuntHome.use { home in
            try home.write("there/already", Data(count: 40 << 20))
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            // Files above 64 MiB stay where they are, so the worker lacks them; these are holes.
            let made = try await home.shell(
                "truncate -s 1100M large.bin && mkdir -p sub/inner && "
                    + "truncate -s 70M sub/inner/larger.bin && echo >>sub/inner/larger.bin")
            try #require(made.code == 0, "\(made.errorText)")
            let outcome = try await home.run("submit", "--", "true")
            #expect(outcome.code == 5)
            #expect(
                outcome.errorText.contains(
                    "the largest are files at the top (1.0 GiB), sub/inner/ (70 MiB);"),
                "\(outcome.errorText)")
        }
    }
}
