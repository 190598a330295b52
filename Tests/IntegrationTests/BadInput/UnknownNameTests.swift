import Testing
import Lab

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

    /// Every word has to mean a job before anything is cancelled.
    @Test func anUnknownJobAmongOthersChangesNothing() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit("sh", "-c", "while :; do read -r x </dev/null; done")
            let runs = try await eventually {
                try await home.inspect(job)["phase"].string == "running"
            }
            #expect(runs)
            try await home.expectRefusal(["cancel", "--now", job, "nosuchjob"], code: 3)
            #expect(try await home.inspect(job)["cancel_requested"] == .bool(false))
            let cancelled = try await home.run("cancel", "--now", job)
            #expect(cancelled.text == job + "\n")
            #expect(try await home.run("wait", job).code == 0)
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
