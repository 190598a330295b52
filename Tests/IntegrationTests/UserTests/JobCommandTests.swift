import Foundation
import Testing
import Lab

/// The commands around a job: submit, wait, logs, ps, inspect, cancel.
@Suite struct JobCommandTests {
    @Test func submitPrintsTheIdentifierAloneAndWaitTheCode() async throws {
        try await ShuntHome.use { home in
            let submitted = try await home.run("submit", "-q", "--", "sh", "-c", "exit 3")
            #expect(submitted.code == 0)
            let id = submitted.text.dropLast()
            #expect(submitted.text.wholeMatch(of: /[0-9a-z]{6,}\n/) != nil, "\(submitted.text)")
            let detached = try await home.run("run", "-d", "--name", "second", "--", "true")
            #expect(detached.text.wholeMatch(of: /[0-9a-z]{6,}\n/) != nil, "\(detached.text)")
            let waited = try await home.run("wait", String(id), "second")
            #expect(waited.text == "3\n0\n")
        }
    }

    @Test func logsGiveEachStreamAndTheLastLinesExactly() async throws {
        try await ShuntHome.use { home in
            let script = """
                for i in 1 2 3 4 5 6 7 8 9 10; do echo out $i; echo err $i >&2; done
                """
            let job = try await home.submit("sh", "-c", script)
            _ = try await home.run("wait", job)
            let numbers = Array(1...10)
            let output = numbers.map { "out \($0)\n" }.joined()
            let errors = numbers.map { "err \($0)\n" }.joined()
            let all = try await home.run("logs", job)
            #expect(all.text == output && all.errorText == errors)
            let one = try await home.run("logs", "--stdout", job)
            #expect(one.text == output && one.errorText.isEmpty)
            let other = try await home.run("logs", "--stderr", job)
            #expect(other.text.isEmpty && other.errorText == errors)
            let followed = try await home.run("logs", "-f", job)
            #expect(followed.text == output)
        }
    }

    @Test(arguments: [0, 1, 3, 10, 99])
    func tailGivesThatManyLinesAndNoPartOfAnother(_ count: Int) async throws {
        try await ShuntHome.use { home in
            // One write: the log has all lines in one record.
            let job = try await home.submit("printf", "1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n10\\n")
            _ = try await home.run("wait", job)
            let outcome = try await home.run("logs", "--tail", "\(count)", job)
            #expect(outcome.code == 0)
            #expect(outcome.text == (1...10).suffix(count).map { "\($0)\n" }.joined())
        }
    }

    @Test func tailCountsTheLinesOfTheStreamsThatAreShown() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit(
                "sh", "-c", "printf 'a\\nb\\nc\\n'; sleep 0.1; printf 'x\\ny\\nz\\n' >&2")
            _ = try await home.run("wait", job)
            let outcome = try await home.run("logs", "--stdout", "--tail", "2", job)
            #expect(outcome.text == "b\nc\n")
            #expect(outcome.errorText.isEmpty)
        }
    }

    @Test func inspectHasWhatScriptsNeed() async throws {
        try await ShuntHome.use { home in
            try home.write("in.txt", "hello\n")
            let job = try await home.submit("sh", "-c", "cat in.txt > out.txt; exit 5")
            _ = try await home.run("wait", job)
            let view = try await home.inspect(job)
            #expect(view["id"].string == job)
            #expect(view["exit_code"].int == 5)
            #expect(view["state"].string == "failed")
            #expect(view["worker"].string == "local")
            #expect(view["bytes_sent"].int != nil)
            for key in ["submitted_at", "started_at", "ended_at", "kill_method"] {
                #expect(view[key] != .null, "\(key)")
            }
            #expect(view["inputs"] != .null && view["outputs"] != .null)
            let shown = try await home.run("inspect", job)
            #expect(shown.code == 0 && shown.text.contains(job))
        }
    }

    @Test func psListsRunningJobsAndAllOfThemWhenAsked() async throws {
        try await ShuntHome.use { home in
            let over = try await home.submit("true")
            _ = try await home.run("wait", over)
            let job = try await home.submit("sleep", "600", options: ["--name", "sleeper"])
            let listed = try JSON(parsing: try await home.run("ps", "-o", "json").output)
            #expect(listed.items.map { $0["id"].string } == [job])
            let all = try JSON(parsing: try await home.run("ps", "-a", "-o", "json").output)
            #expect(Set(all.items.map { $0["id"].string }) == [over, job])
            let table = try await home.run("ps")
            #expect(table.text.contains("sleeper"))
            let wide = try await home.run("ps", "-o", "wide")
            #expect(wide.text.contains("sleeper"))
            let workers = try JSON(parsing: try await home.run("worker", "ls", "-o", "json").output)
            #expect(workers[0]["name"].string == "local")
            _ = try await home.run("cancel", "--now", "sleeper")
        }
    }

    @Test func cancelEndsAJobWithTermAndNowWithKill() async throws {
        try await ShuntHome.use { home in
            let polite = try await home.submit(
                "sh", "-c",
                "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
            #expect(try await eventually { try await home.run("logs", polite).text == "ready\n" })
            #expect(try await home.run("cancel", polite).code == 0)
            _ = try await home.run("wait", polite)
            let ended = try await home.inspect(polite)
            #expect(ended["state"].string == "cancelled")
            #expect(try await home.run("logs", polite).text == "ready\nbye\n")

            let deaf = try await home.submit(
                "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
            #expect(try await eventually { try await home.run("logs", deaf).text == "ready\n" })
            let begin = ContinuousClock.now
            #expect(try await home.run("cancel", "--now", deaf).code == 0)
            _ = try await home.run("wait", deaf)
            #expect(ContinuousClock.now - begin < .seconds(8))
            #expect(try await home.inspect(deaf)["state"].string == "cancelled")
            // Terminal never changes: a second cancel finds nothing to do.
            _ = try await home.run("cancel", deaf)
            #expect(try await home.inspect(deaf)["state"].string == "cancelled")
        }
    }

    @Test func aJobOverItsTimeGetsTermAndThenKill() async throws {
        try await ShuntHome.use { home in
            try home.write(
                "job.yaml",
                """
                run: 'trap "echo term" TERM; while :; do sleep 0.05; done'
                max_duration: 1s
                """)
            let begin = ContinuousClock.now
            let outcome = try await home.run("run", "-q", "-f", "job.yaml")
            let took = ContinuousClock.now - begin
            #expect(outcome.code == 128 + SIGKILL)
            #expect(outcome.text == "term\n")
            #expect(took > .seconds(10), "the grace of 10 s was not given: \(took)")
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["cause"].string == "timeout")
        }
    }

    @Test func anInterruptGoesToTheJob() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(
                [
                    "run", "-q", "--", "sh", "-c",
                    "trap 'echo int; exit 9' INT; echo ready; "
                        + "while :; do sleep 0.05; done",
                ])
            #expect(await eventually { run.outputSoFar == "ready\n" })
            run.signal(SIGINT)
            let outcome = await run.outcome()
            #expect(outcome.code == 9)
            #expect(outcome.text == "ready\nint\n")
        }
    }

    @Test func closingTheTerminalLeavesTheJobRunning() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(
                [
                    "run", "-q", "--", "sh", "-c",
                    "echo ready; while [ ! -e \(home.base)/go ]; "
                        + "do sleep 0.05; done; echo end",
                ])
            #expect(await eventually { run.outputSoFar == "ready\n" })
            run.signal(SIGHUP)
            _ = await run.outcome()
            let job = try await home.latestJob()
            #expect(try await home.inspect(job)["state"].string == "active")
            try home.write("../go", "")
            #expect(try await home.run("wait", job).text == "0\n")
            #expect(try await home.run("logs", job).text == "ready\nend\n")
        }
    }
}
