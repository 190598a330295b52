import Foundation
import Lab
import Testing

/// Secrets reach the command, and nothing else has them: not while it runs, and not afterwards.
@Suite struct SecretJobTests {
    @Test func theCommandHasThemAsVariablesAndFilesAndNothingElseDoes() async throws {
        let (first, second) = (SecretTrace(), SecretTrace())
        try await ShuntHome.use { home in
            let file = home.base + "-secret"
            // Not a line of text alone: a newline at its end is a part of it.
            try Data((second.value + "\n").utf8).write(to: URL(fileURLWithPath: file))
            defer { unlink(file) }
            let script = """
                \(SecretTrace.prove("FIRST")); sha256sum <"$SHUNT_SECRETS/FIRST"
                \(SecretTrace.prove("SECOND")); sha256sum <"$SHUNT_SECRETS/SECOND"
                stat -c %a "$SHUNT_SECRETS" "$SHUNT_SECRETS"/*; stat -f -c %T "$SHUNT_SECRETS"
                exit 3
                """
            let outcome = try await home.run(
                [
                    "run", "--secret", "FIRST", "--secret", "SECOND=\(file)", "--", "sh", "-c",
                    script,
                ],
                env: ["FIRST": first.value])
            #expect(outcome.code == 3, "\(outcome.errorText)")
            let proof = try await first.proof(home)
            let ofFile = try await home.shell("sha256sum <'\(file)'").text
            #expect(
                outcome.text == proof + proof + ofFile + ofFile + "700\n600\n600\ntmpfs\n",
                "\(outcome.text)")
            let job = try await home.latestJob()
            for trace in [first, second] {
                trace.expectNone(in: outcome)
                try await trace.expectNone(in: home, job: job)
                await trace.expectMemoryIsClear([home.memoryDirectory])
            }
            let view = try await home.inspect(job)
            #expect(view["spec"]["secrets"].items.map(\.string) == ["FIRST", "SECOND"])
            #expect(try await home.run("inspect", job).text.contains("FIRST, SECOND"))
            let bare = try await home.run("run", "-q", "--", "sh", "-c", "env | grep -c SECRETS")
            #expect(bare.text == "0\n")
        }
    }

    @Test func aJobFileNamesThemTooAndFlagsWin() async throws {
        let (first, second) = (SecretTrace(), SecretTrace())
        try await ShuntHome.use { home in
            let file = home.base + "-secret"
            try Data(second.value.utf8).write(to: URL(fileURLWithPath: file))
            defer { unlink(file) }
            let script = "\(SecretTrace.prove("A")); \(SecretTrace.prove("B"))"
            for (text, flags) in [
                ("[A, {B: \(file)}]", []), ("{A: \(file), B: \(file)}", ["--secret", "A"]),
                ("[A, {B: ~/\(URL(fileURLWithPath: file).lastPathComponent)}]", []),
            ] {
                try home.write("job.yaml", "run: '\(script)'\nsecrets: \(text)\n")
                let outcome = try await home.run(
                    ["run", "-q"] + flags, env: ["A": first.value, "HOME": "/tmp"])
                let proofs = try await first.proof(home) + second.proof(home)
                // The flags' stand last, and the order is nobody's business.
                #expect(outcome.text == proofs, "\(text): \(outcome.errorText)")
            }
            try await first.expectNone(in: home, job: home.latestJob())
        }
    }

    /// Its content would lie in the store, and in the job's directory on the worker.
    @Test func aFileInTheDirectoryIsLeftOutUnderEveryNameThatItHas() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            try home.write("sub/token.txt", trace.value)
            try home.write("kept", "kept\n")
            let linked = try await home.shell("ln sub/token.txt hard && ln -s sub/token.txt soft")
            #expect(linked.code == 0)
            let script = "find . -type f | sort; \(SecretTrace.prove("T"))"
            for _ in 0..<2 {
                let outcome = try await home.run(
                    ["run", "--secret", "T=sub/token.txt", "--", "sh", "-c", script])
                #expect(outcome.code == 0, "\(outcome.errorText)")
                #expect(outcome.text == "./kept\n" + (try await trace.proof(home)))
                #expect(
                    outcome.errorText.contains("left out: hard, sub/token.txt: handed over as"),
                    "\(outcome.errorText)")
                trace.expectNone(in: outcome)
            }
            let dry = try await home.run("run", "--dry-run", "--secret", "T=soft", "--", "true")
            #expect(dry.text.contains("T"), "\(dry.errorText)")
            trace.expectNone(in: dry)
            // The person's own file stays where it is.
            #expect(try home.read("sub/token.txt") == trace.value)
            #expect(try await home.shell("rm hard sub/token.txt").code == 0)
            try await trace.expectNone(in: home, job: home.latestJob())
        }
    }

    @Test func nothingIsLeftAfterACancel() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let id = try await home.submit(
                ["sh", "-c", "\(SecretTrace.prove("T")); sleep 1000"], options: ["--secret", "T"],
                env: ["T": trace.value])
            let proof = try await trace.proof(home)
            let runs = try await eventually { try await home.run("logs", id).text == proof }
            #expect(runs)
            try await trace.expectNone(in: home, job: id)
            #expect(FileManager.default.fileExists(atPath: home.memoryDirectory + "/agent"))
            #expect(try await home.run("cancel", id).code == 0)
            #expect(try await home.run("wait", id).text.contains("143"))
            await trace.expectMemoryIsClear([home.memoryDirectory])
            try await trace.expectNone(in: home, job: id)
        }
    }

    /// Bytes that are no text come through; a job that prints what it has is not hindered.
    @Test func bytesOfAFileAreThoseOfTheVariable() async throws {
        try await ShuntHome.use { home in
            let made = try await home.shell("printf 'a\\377\\001\\n\\n' >raw && cp raw raw.txt")
            #expect(made.code == 0)
            let outcome = try await home.run(
                [
                    "run", "-q", "--secret", "T=raw", "--", "sh", "-c",
                    "printenv T | head -c 5 | cmp - raw.txt && cat $SHUNT_SECRETS/T",
                ])
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.output == Data([0x61, 0xff, 1, 10, 10]))
        }
    }
}
