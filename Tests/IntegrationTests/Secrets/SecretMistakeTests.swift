import Foundation
import Testing

/// Secrets that cannot be handed over are refused before anything is made, and no error shows what
/// may be one.
@Suite struct SecretMistakeTests {
    @Test func whatCannotBeASecretIsRefused() async throws {
        try await ShuntHome.use { home in
            let files = home.base + "/files"
            let made = try await home.shell(
                """
                mkdir ../files && cd ../files && : >empty && printf 'a\\0b' >nul && mkdir directory
                head -c 65537 /dev/zero | tr '\\0' a >large; printf x >one
                """)
            #expect(made.code == 0, "\(made.errorText)")
            for (flag, code, names) in [
                ("UNSET_HERE", Int32(2), ["`UNSET_HERE`", "not set"]),
                ("T=\(files)/absent", 3, ["`T`", "not there"]),
                ("T=\(files)/directory", 1, ["`T`", "directory"]),
                ("T=\(files)/empty", 2, ["`T`", "empty"]),
                ("T=\(files)/nul", 2, ["`T`", "NUL"]),
                ("T=\(files)/large", 2, ["`T`", "64 KiB"]),
                ("T=", 2, ["file"]), ("a-b", 2, ["letters"]), ("=x", 2, ["letters"]),
                ("SHUNT_T=\(files)/one", 2, ["`SHUNT_`"]),
            ] {
                try await home.expectSubmissionRefused(
                    ["--secret", flag, "--", "true"], code: code, naming: names)
            }
            let one = "T=\(files)/one"
            try await home.expectSubmissionRefused(
                ["--secret", one, "--secret", one, "--", "true"], code: 2, naming: ["`T` twice"])
            try await home.expectSubmissionRefused(
                ["--secret", one, "-e", "T=x", "--", "true"], code: 2,
                naming: ["`T` is a variable of the job and a secret"])
            let many = (0..<65).flatMap { ["--secret", "S\($0)=\(files)/one"] }
            try await home.expectSubmissionRefused(
                many + ["--", "true"], code: 2, naming: ["at most 64 secrets"])
            #expect(!FileManager.default.fileExists(atPath: home.memoryDirectory))
        }
    }

    @Test(.enabled(if: geteuid() == 0, OtherAccount.reason))
    func aFileThatCannotBeReadIsRefused() async throws {
        try await ShuntHome.use { home in
            let other = try OtherAccount(home)
            defer { other.removeSockets() }
            try home.write("token", "x")
            #expect(chmod(home.path("token"), 0) == 0)
            let outcome = try await other.shell("shunt submit --secret T=token -- true")
            expectRefused(outcome, code: 1, naming: ["`T`", "Permission denied"])
        }
    }

    /// The value in place of the name of a file, on the command line and in a job file.
    @Test func aValueWhereAFileIsWantedIsNotRepeated() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let flags = [
                ["--secret", "T=\(trace.value)"], ["--secret", "T=\(trace.value)/"],
                ["--secret", "\(trace.value)-"],
            ]
            for words in flags {
                let outcome = try await home.run(["submit"] + words + ["--", "true"])
                #expect(outcome.code != 0)
                expectRemedy(outcome)
                trace.expectNone(in: outcome)
            }
            try home.write("job.yaml", "run: 'true'\nsecrets: [{T: \(trace.value)}]\n")
            let outcome = try await home.run("submit")
            expectRefused(outcome, code: 3, naming: ["`T`", "never the value"])
            trace.expectNone(in: outcome)
        }
    }
}
