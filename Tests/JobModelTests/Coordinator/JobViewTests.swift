import Testing

@testable import JobModel

struct JobViewTests {
    /// What is shown of a job that ended with a result.
    static func view(_ result: TaskResult) throws -> JobView {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        try bench.hear(.running, of: token)
        bench.now = Sample.moment(5000)
        let effects = try bench.hear(.terminal, of: token, result: result)
        let row = try #require(effects.commits.first)
        return row.view(waiting: nil, link: { _ in "gone" })
    }

    @Test(
        arguments: [
            (.succeeded, .exited(code: 0), .succeeded, 0), (.failed, .exited(code: 7), .failed, 7),
            (.failed, .signalled(signal: 9), .failed, 137),
            (.failed, .exited(code: 0), .failed, 125),
            (.cancelled, .exited(code: 0), .cancelled, 125),
            (.failed, .execFailed(errno: 2), .failed, 127),
            (.stagingFailed, .neverStarted, .failed, 125), (.environmentFailed, nil, .failed, 125),
            (.cancelled, .signalled(signal: 15), .cancelled, 143),
            (.cancelled, nil, .cancelled, 125),
            (.lost, .vanished, .lost, 125),
        ] as [(TaskResult.Verdict, JobModel.ExitStatus?, JobState, Int32)])
    func stateAndExitCodeFollowFromTheResult(
        _ verdict: TaskResult.Verdict, _ exit: JobModel.ExitStatus?, _ state: JobState,
        _ code: Int32
    ) throws {
        let view = try Self.view(TaskResult(verdict: verdict, exit: exit, message: "why"))
        #expect(view.state == state)
        #expect(view.exitCode == code)
        #expect(view.exit == exit)
        #expect(view.verdict == verdict)
        #expect(view.reason == (state == .succeeded ? nil : "why"))
    }

    @Test func warningsOfTheAgentAreShown() throws {
        let result = TaskResult(
            verdict: .succeeded, exit: .exited(code: 0), warnings: ["12 bytes were lost", "b"])
        #expect(try Self.view(result).warnings == ["12 bytes were lost", "b"])
    }

    /// The whole way of the two fields, from the supervisor's testimony to what a person sees.
    @Test func problemAndWarningsOfAnEndingReachTheView() throws {
        let ending = TaskEnding(
            exit: .execFailed(errno: 13), problem: "`train` is a directory", warnings: ["lost"])
        let result = TaskResult(ending: ending, stop: nil, outputs: nil, spec: nil)
        let view = try Self.view(result)
        #expect(view.reason == "`train` is a directory")
        #expect(view.warnings == ["lost"])
        #expect(view.exitCode == 126)
    }

    @Test func aJobThatIsOverHasNeitherActivityNorLink() throws {
        let view = try Self.view(TaskResult(verdict: .succeeded, exit: .exited(code: 0)))
        #expect(view.activity == nil && view.link == nil)
        #expect(view.startedAt == Sample.moment(0).wall)
        #expect(view.endedAt == Sample.moment(5000).wall)
        #expect(view.killMethod == .sweep)
        #expect(view.worker == CoordinatorBench.gpu)
    }

    /// Its duration is the command's, however long its outputs take.
    @Test func theEndOfTheCommandIsShownWhileOutputsAreCollected() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        #expect(bench.view(id)?.endedAt == nil)
        var report = bench.report(.collecting, of: token)
        report.endedAt = Sample.moment(5000).wall
        try bench.hear(.report(report))
        bench.now = Sample.moment(9000)
        #expect(bench.view(id)?.state == .active)
        #expect(bench.view(id)?.endedAt == Sample.moment(5000).wall)
    }

    /// Where the probe has found GPUs that the engine there cannot give.
    @Test(arguments: ContainerGPUs.allCases, [0, 1, 2])
    func aContainerWithoutItsWorkersGPUsIsWarnedOf(_ gpus: ContainerGPUs, _ count: Int) throws {
        var spec = Sample.spec()
        spec.container = ContainerSpec(image: .named("a"))
        var bench = try CoordinatorBench(engines: [.podman])
        let (id, token) = try bench.placed(spec)
        var report = bench.report(.staging, of: token)
        report.container = ContainerFacts(image: PinnedImage(id: Sample.digest(1)), gpus: gpus)
        try bench.hear(.report(report))
        let job = try #require(bench.core.job(id))
        let view = job.view(waiting: nil, gpus: count)
        #expect(view.gpus == gpus)
        #expect(view.warnings.count == (gpus == .none && count > 0 ? 1 : 0))
        #expect(view.warnings.allSatisfy { $0.contains("`gpu` is") && $0.contains("nvidia-ctk") })
    }

    @Test func aQueuedJobSaysWhyItWaitsAndNothingOfAnEnd() throws {
        var bench = try CoordinatorBench(connected: false)
        let id = try #require(try bench.submit().id)
        let view = try #require(bench.view(id))
        #expect(view.state == .queued)
        #expect(view.waiting?.code == .workerUnreachable)
        #expect(view.waiting?.message.hasPrefix("`gpu` is not reachable") == true)
        #expect(view.exitCode == nil && view.worker == nil && view.phase == nil)
        #expect(view.attempt == nil && view.warnings.isEmpty)
        #expect(bench.view(JobID(random: 99)) == nil)
    }

    @Test func aLinkThatIsDownIsShownBesideTheState() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        #expect(bench.view(id)?.link == nil)
        try bench.disconnect()
        bench.now = Sample.moment(180_000)
        let view = try #require(bench.view(id))
        #expect(view.link == "unreachable for 3 m: cut")
        #expect(view.state == .active && view.phase == .running && view.waiting == nil)
    }

    @Test func everyChangeHasAHigherVersion() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        var versions = [bench.core.job(id)?.version ?? 0]
        for phase in [TaskPhase.staging, .starting, .running, .stopping] {
            try bench.hear(phase, of: token)
            versions.append(bench.core.job(id)?.version ?? 0)
        }
        #expect(zip(versions, versions.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func workersAreShownWithWhatIsInUse() throws {
        var bench = try CoordinatorBench(connected: false)
        let unknown = try #require(bench.core.workerViews(at: bench.now.wall).first)
        #expect(unknown.link == "unreachable for 0 s")
        #expect(!unknown.connected && unknown.capacity == nil && unknown.inUse == nil)
        try bench.connect()
        try bench.submit("a", Sample.spec(Sample.resources(1000, 1)))
        try bench.hear(.foreignUse(Sample.resources(500), version: 1))
        let view = try #require(bench.core.workerViews(at: bench.now.wall).first)
        #expect(view.link == "connected" && view.connected)
        #expect(view.capacity == CoordinatorBench.capacity)
        #expect(view.inUse == Sample.resources(1500, 1))
        #expect(view.runningJobs == 1)
    }
}

struct LinkTroubleTests {
    static let since = WallTime(milliseconds: 1_000_000)

    @Test(
        arguments: [
            (-5000, "0 s"), (0, "0 s"), (59_999, "59 s"), (60_000, "1 m"), (3_599_999, "59 m"),
            (3_600_000, "1 h 0 m"), (90_060_000, "25 h 1 m"),
        ] as [(Int64, String)])
    func spansAreToldInTheUnitsOfPeople(_ span: Int64, _ text: String) {
        let now = WallTime(milliseconds: Self.since.milliseconds + span)
        #expect(LinkState.suspect(since: Self.since).trouble(at: now) == "silent for \(text)")
        #expect(
            LinkState.needsLogin(since: Self.since, reason: "", remedy: nil).trouble(at: now)
                == "needs login for \(text)")
    }

    @Test func anUnreachableWorkerSaysWhy() {
        let link = LinkState.unreachable(since: Self.since, reason: "no route")
        #expect(link.trouble(at: Self.since) == "unreachable for 0 s: no route")
        #expect(LinkState.connected.trouble(at: Self.since) == nil)
    }

    @Test func theFirstCutCountsAndTheLastReasonIsTold() throws {
        var bench = try CoordinatorBench()
        try bench.disconnect()
        try bench.step(.connecting(CoordinatorBench.gpu))
        bench.now = Sample.moment(60_000)
        try bench.step(
            .disconnected(
                CoordinatorBench.gpu, bench.fence, reason: "no route", login: nil))
        let link = bench.core.worker(CoordinatorBench.gpu)?.link
        #expect(link == .unreachable(since: Sample.moment(0).wall, reason: "no route"))
    }
}
