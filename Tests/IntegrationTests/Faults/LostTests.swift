import Foundation
import Testing
import Lab

/// What nobody can testify to any more is lost, and never run again.
@Suite struct LostTests {
    @Test func killedInitLosesTheJobAndEndsItsTree() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 20)
            #expect(home.kill9([.initProcess]) == 1)
            let outcome = await run.outcome()
            #expect(outcome.code == 125)
            #expect(outcome.errorText.contains("lost"), "\(outcome.errorText)")
            #expect(job.starts.count == 1)
            #expect(!ProcessTable.isAlive(try #require(job.starts.first)))
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["state"].string == "lost")
            #expect(view["exit_code"].int == 125)
        }
    }

    @Test func killedTogetherWithItsWitnessesTheJobIsLostAndNotRunAgain() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let submitted = try await home.run(["submit", "--"] + job.command)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(await eventually { job.starts.count == 1 })
            #expect(await home.kill9Everything())
            _ = try await home.run("wait", id)
            let view = try await home.inspect(id)
            #expect(view["state"].string == "lost")
            #expect(view["exit_code"].int == 125)
            #expect(view["attempt"].int == 1)
            #expect(job.starts.count == 1)
        }
    }
}
