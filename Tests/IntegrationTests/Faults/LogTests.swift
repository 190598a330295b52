import Foundation
import Testing
import Lab

/// Readers of a log that stall, come late, or lose the agent.
@Suite struct LogTests {
    /// The reader's pipe is full and the reader stopped; the job writes 64 MiB beyond it and ends.
    @Test func stalledReaderDoesNotSlowTheJob() async throws {
        try await ShuntHome.use { home in
            let done = home.base + "/done"
            let script = "head -c 67108864 /dev/zero | tr '\\0' x; touch \(done)"
            let fifo = home.base + "/pipe"
            try #require(mkfifo(fifo, 0o600) == 0)
            // Held open and never read from: the command blocks once the pipe is full.
            let reader = open(fifo, O_RDWR | O_CLOEXEC)
            defer { close(reader) }
            let run = try Command(
                ["/bin/sh", "-c", "exec shunt run -- sh -c \"$1\" >\(fifo)", "sh", script]
                    .map { Array($0.utf8) }, directory: home.work,
                environment: home.environment())
            #expect(
                await eventually(within: .seconds(40)) {
                    FileManager.default.fileExists(atPath: done)
                })
            let id = try await home.latestJob()
            _ = try await home.run("wait", id)
            #expect(!run.hasEnded)
            let late = try await home.shell("shunt logs \(id) | sha256sum")
            let expected = try await home.shell(
                "head -c 67108864 /dev/zero | tr '\\0' x | sha256sum")
            #expect(late.text == expected.text)
            run.signal(SIGKILL)
            _ = await run.outcome()
        }
    }

    @Test func lateFollowerGetsEverythingAndTheLogSurvivesTheAgent() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let submitted = try await home.run(["submit", "--"] + job.command)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(await eventually { job.starts.count == 1 })
            let follower = try home.start(["logs", "-f", id])
            #expect(
                await eventually { follower.outputSoFar.contains("line 30\n") })
            home.kill9([.agent])
            let late = try home.start(["logs", "-f", id])
            let first = await follower.outcome()
            #expect(first.text == job.expectedOutput, "\(first.errorText)")
            #expect(await late.outcome().text == job.expectedOutput)
            home.kill9([.agent])
            let after = try await home.run("logs", "--stderr", id)
            #expect(
                after.errorText.split(separator: "\n").map(String.init) == job.expectedErrors,
                "\(after.errorText)")
        }
    }
}
