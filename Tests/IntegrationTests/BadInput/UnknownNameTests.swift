import Testing

/// Jobs, workers and paths that are not there.
@Suite struct UnknownNameTests {
    private static let commands = [
        ["inspect"], ["inspect", "-o", "json"], ["logs"], ["logs", "-f"], ["logs", "--tail", "3"],
        ["cancel"], ["cancel", "--now"], ["wait"], ["pull"], ["pull", "--into", "elsewhere"],
    ]

    @Test func anUnknownJobIsNotFoundByAnyCommand() async throws {
        try await ShuntHome.use { home in
            // There is a job, so that "no such job" is not "no job at all".
            _ = try await home.submit("true", options: ["--name", "known"])
            for command in Self.commands {
                try await home.expectRefusal(
                    command + ["nosuchjob"], code: 3, naming: ["`nosuchjob`"])
            }
        }
    }

    @Test func textThatCanBeNoJobIsNotFoundEither() async throws {
        let texts = ["", "../../etc/passwd", "a b", "a\nb", "%2e%2e", "?all=1", "jöb", "$(id)"]
        try await ShuntHome.use { home in
            for text in texts {
                for command in ["inspect", "logs", "cancel", "wait", "pull"] {
                    try await home.expectRefusal([command, "--", text], code: 3)
                }
            }
        }
    }

    @Test func severalUnknownJobsAreOneError() async throws {
        try await ShuntHome.use { home in
            for command in ["wait", "cancel"] {
                try await home.expectRefusal([command, "nosuch1", "nosuch2"], code: 3)
            }
        }
    }

    /// A cancel that meets an unknown job ends the others all the same.
    @Test func oneUnknownJobDoesNotKeepTheOthersRunning() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit("sh", "-c", "while :; do read -r x </dev/null; done")
            let outcome = try await home.run("cancel", "--now", "nosuchjob", job)
            #expect(outcome.code == 3)
            #expect(outcome.text == job + "\n")
            #expect(outcome.errorText.contains("error: there is no job `nosuchjob`\n"))
            let waited = try await home.run("wait", job)
            #expect(waited.code == 0)
            #expect(try await home.inspect(job)["state"].string == "cancelled")
        }
    }

    @Test func anUnknownWorkerIsNotFound() async throws {
        try await ShuntHome.use { home in
            try home.write("code.py", "\n")
            try await home.expectSubmissionRefused(
                ["--on", "nowhere", "--", "true"], code: 3, naming: ["`nowhere`"])
            try await home.expectRefusal(
                ["run", "--dry-run", "--on", "nowhere", "--", "true"], code: 125,
                naming: ["`nowhere`"])
            try home.write("job.yaml", "run: echo\non: nowhere\n")
            try await home.expectSubmissionRefused(
                ["-f", "job.yaml"], code: 3, naming: ["`nowhere`"])
        }
    }

    @Test func aPathThatAJobDidNotWriteIsNotFound() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "-q", "--no-pull", "--name", "maker", "--", "sh", "-c", "echo 1 >made")
            #expect(ran.code == 0, "\(ran.errorText)")
            for path in ["absent", "made/below", "mad?x"] {
                try await home.expectRefusal(
                    ["pull", "-q", "maker", path], code: 3, naming: ["`\(path)`"])
            }
            // What leads out of the directory is no path of outputs at all.
            for path in ["../made", "/made", "a/../../made"] {
                try await home.expectRefusal(
                    ["pull", "-q", "maker", path], code: 2, naming: ["`\(path)`"])
            }
        }
    }
}
