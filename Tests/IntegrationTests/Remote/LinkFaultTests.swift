import Foundation
import Lab
import Testing

/// What happens to the link, to the coordinator and to the agent while a job runs: nothing of it
/// happens to the job.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason), .sharedWorker)
struct LinkFaultTests {
    /// Starts a job, lets something happen to it while it runs, and expects that it ran once and
    /// that all of it arrived.
    private func expectHarmless(
        _ what: Comment, seconds: Int = 2,
        during fault: (RemoteLab, Command) async throws -> Void
    ) async throws {
        try await RemoteLab.shared { lab in
            var job = try lab.countingJob()
            job.lines = seconds * 100
            let run = try await job.start(["--on", lab.name], untilLine: 20)
            try await fault(lab, run)
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, what)
        }
    }

    /// `ps` says so beside the job, which is running all the while.
    private func expectShownAsUnreachable(
        _ lab: RemoteLab, within limit: Duration = .seconds(20)
    ) async throws {
        var text = ""
        let isShown = try await eventually(within: limit) {
            text = try await lab.home.run("ps").text
            return text.contains("running · \(lab.name) unreachable for ")
        }
        #expect(isShown, "\(text)")
    }

    @Test func aBrokenLinkIsShownAndComesBack() async throws {
        try await expectHarmless("broken", seconds: 4) { lab, run in
            lab.breakLink()
            try await expectShownAsUnreachable(lab)
            // The job ends while nobody can ask about it.
            #expect(await eventually { lab.host.pids(running: "count.py").isEmpty })
            #expect(!run.hasEnded)
            try await expectShownAsUnreachable(lab)
            lab.mendLink()
        }
    }

    @Test func aCoordinatorThatIsKilledFindsTheEndedJob() async throws {
        try await RemoteLab.shared { lab in
            let job = try lab.countingJob()
            let submitted = try await lab.home.run(
                ["submit", "--on", lab.name, "--"] + job.command)
            let id = submitted.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(await eventually { job.starts.count == 1 }, "\(submitted.errorText)")
            #expect(lab.home.kill9([.coordinator]) == 1)
            #expect(await eventually { lab.host.pids(running: "count.py").isEmpty })
            #expect(lab.home.pids(of: [.coordinator]).isEmpty)
            #expect(try await lab.home.run("wait", id).text == "\(job.code)\n")
            #expect(try await lab.home.run("logs", id).text == job.expectedOutput)
            #expect(try await lab.home.run("pull", id).code == 0)
            #expect(try lab.home.read("out/3").hasSuffix("x3"))
            #expect(job.starts.count == 1)
        }
    }

    @Test func aCoordinatorThatIsKilledInBetweenIsStartedAgain() async throws {
        try await expectHarmless("coordinator killed") { lab, _ in
            #expect(lab.home.kill9([.coordinator]) == 1)
        }
    }

    /// What a laptop does whose lid is closed until the job has ended, and that has lost its link.
    @Test func aSuspendedLaptopFindsTheJobEnded() async throws {
        try await expectHarmless("suspended") { lab, run in
            let pids = lab.home.pids(of: [.coordinator]) + [run.pid]
            for pid in pids { kill(pid, SIGSTOP) }
            #expect(await eventually { lab.host.pids(running: "count.py").isEmpty })
            lab.host.relay.reset()
            for pid in pids { kill(pid, SIGCONT) }
        }
    }

    @Test func anAgentThatIsKilledIsStartedAgain() async throws {
        try await expectHarmless("agent killed") { lab, _ in
            let old = lab.host.agentPids
            #expect(old.count == 1)
            for pid in old { kill(pid, SIGKILL) }
            let isBack = await eventually {
                let new = lab.host.agentPids
                return new.count == 1 && new != old
            }
            #expect(isBack)
        }
    }

    @Test func anSSHDThatIsStartedAgainIsFoundAgain() async throws {
        try await expectHarmless("sshd") { lab, _ in
            lab.host.server.stop(endingSessions: false)
            lab.host.relay.reset()
            try await expectShownAsUnreachable(lab)
            try lab.host.server.start()
        }
    }

    /// A job that is cancelled while its worker cannot be reached ends when it can.
    @Test func aCancelWaitsForTheWorker() async throws {
        try await RemoteLab.shared { lab in
            let id = try await lab.home.submit(
                "sleep", "611", options: ["--on", lab.name])
            let runs = try await eventually {
                try await lab.home.run("ps").text.contains("running")
            }
            #expect(runs && !lab.host.pids(running: "611").isEmpty)
            lab.breakLink()
            try await expectShownAsUnreachable(lab)
            #expect(try await lab.home.run("cancel", "--now", id).code == 0)
            #expect(!lab.host.pids(running: "611").isEmpty)
            lab.mendLink()
            let waited = try await lab.home.run(["wait", id], within: .seconds(40))
            #expect(waited.code == 0, "\(waited.errorText)")
            #expect(lab.host.pids(running: "611").isEmpty)
            #expect(try await lab.home.inspect(id)["state"].string == "cancelled")
        }
    }
}
