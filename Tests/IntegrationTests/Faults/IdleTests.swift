import Foundation
import Testing
import Lab

/// Nothing of the product works when there is nothing to do, and nothing stays when nobody needs
/// it.
@Suite(.serialized) struct IdleTests {
    /// Ticks of 10 ms that a part may use in ``interval``: looking at the records once a second.
    private static let allowance = 6
    private static let interval = Duration.seconds(3)

    /// Measures what these parts use while a job sleeps for `interval`: the job's end is the event
    /// that bounds the time.
    private func expectIdle(
        _ home: ShuntHome, _ parts: Set<Part>, _ what: Comment
    ) async throws {
        let pids = home.pids(of: parts)
        #expect(pids.count == parts.count, what)
        let before = pids.map { ShuntHome.cpuTicks(of: $0) }
        let pause = try await home.shell("sleep \(Self.interval.components.seconds)")
        #expect(pause.code == 0)
        for (pid, before) in zip(pids, before) {
            guard let before, let after = ShuntHome.cpuTicks(of: pid) else {
                Issue.record("\(what): \(pid) has ended")
                continue
            }
            #expect(after - before <= Self.allowance, what)
        }
    }

    @Test func followedJobThatIsSilentCostsNothing() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(["run", "--", "sh", "-c", "echo begun; sleep 60"])
            #expect(await eventually { run.outputSoFar == "begun\n" })
            try await expectIdle(
                home, [.coordinator, .agent, .supervisor, .initProcess], "followed")
            // The coordinator goes while a control stream and a reader's request are open.
            run.signal(SIGKILL)
            home.kill9([.coordinator])
            #expect(await eventually { home.pids(of: [.coordinator]).isEmpty })
            try await expectIdle(home, [.agent, .supervisor, .initProcess], "coordinator gone")
            let job = try await home.latestJob()
            try await expectIdle(home, [.coordinator, .agent, .supervisor], "coordinator back")
            let old = home.pids(of: [.agent])
            home.kill9([.agent])
            let isBack = await eventually {
                let new = home.pids(of: [.agent])
                return new.count == 1 && new != old
            }
            #expect(isBack)
            // It has started and is spoken to: what that cost is not idleness.
            #expect(try await home.run("logs", job).text == "begun\n")
            try await expectIdle(home, [.coordinator, .agent, .supervisor], "agent back")
            #expect(try await home.run("cancel", "--now", job).code == 0)
            #expect(try await home.run("wait", job).errorText.isEmpty)
            try await expectIdle(home, [.coordinator, .agent], "no job")
        }
    }

    @Test func partsOfADeletedHomeDoNotSpin() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(["run", "--", "sh", "-c", "echo begun; sleep 60"])
            #expect(await eventually { run.outputSoFar == "begun\n" })
            try FileManager.default.removeItem(atPath: home.root)
            run.signal(SIGKILL)
            let pids = home.pids(of: Set(Part.allCases))
            // The task that has lost its directory is ended, and its coordinator gives up on the
            // agent that goes with it: work that is done once. What spins does so in each interval.
            #expect(await eventually { home.pids(of: [.initProcess, .supervisor]).isEmpty })
            _ = try await home.shell("sleep \(Self.interval.components.seconds)")
            var spent = [[Int]](repeating: [], count: pids.count)
            for _ in 0..<2 {
                let before = pids.map { ShuntHome.cpuTicks(of: $0) ?? 0 }
                _ = try await home.shell("sleep \(Self.interval.components.seconds)")
                for (index, pid) in pids.enumerated() {
                    // One that has ended uses nothing.
                    let after = ShuntHome.cpuTicks(of: pid) ?? before[index]
                    spent[index].append(after - before[index])
                }
            }
            for ticks in spent { #expect(ticks.min() ?? 0 <= Self.allowance, "\(ticks)") }
            // Nobody has asked for another home in its place.
            #expect(await eventually { home.pids(of: Set(Part.allCases)).isEmpty })
            #expect(!FileManager.default.fileExists(atPath: home.root))
        }
    }

    @Test func stopLeavesNothingRunning() async throws {
        try await ShuntHome.use { home in
            let run = try await home.run("run", "-q", "--", "true")
            #expect(run.code == 0, "\(run.errorText)")
            let stop = try await home.run("coordinator", "stop")
            #expect(stop.code == 0, "\(stop.errorText)")
            let left = ProcessTable.processes(naming: home.root)
                .filter { ProcessTable.isAlive($0.pid) }
            #expect(left.isEmpty, "\(left)")
            #expect(!FileManager.default.fileExists(atPath: home.runtimeDirectory))
        }
    }

    @Test func stopDuringAJobLeavesTheJobAndItsFollower() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 10)
            #expect(try await home.run("coordinator", "stop").code == 0)
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "stopped")
        }
    }

    @Test func coordinatorEndsOnSIGTERMWhileItIsFollowed() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 10)
            let pid = try #require(home.pids(of: [.coordinator]).first)
            kill(pid, SIGTERM)
            #expect(await eventually(within: .seconds(5)) { !ProcessTable.isAlive(pid) })
            let outcome = await run.outcome()
            try await job.expectRanOnce(outcome, "terminated")
        }
    }
}
