import Testing

@testable import JobModel

struct CoordinatorReportTests {
    @Test func aReportWithAnOlderOrTheSameVersionIsIgnored() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token, version: 7)
        let version = bench.core.job(id)?.version
        for (phase, old) in [(TaskPhase.staging, 6), (.stopping, 7), (.terminal, 1)] {
            let result = TaskResult(verdict: .succeeded)
            let effects = try bench.hear(
                phase, of: token, version: UInt64(old), result: phase.isFinal ? result : nil)
            #expect(effects.isEmpty, "\(phase) of version \(old)")
        }
        #expect(bench.task(of: id)?.phase == .running)
        #expect(bench.core.job(id)?.version == version)
        try bench.hear(.stopping, of: token, version: 8)
        #expect(bench.task(of: id)?.phase == .stopping)
    }

    @Test func versionsBeginAnewWithEverySession() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token, version: 70)
        try bench.disconnect()
        try bench.connect(reports: [bench.report(.running, of: token, version: 1)])
        try bench.hear(.stopping, of: token, version: 2)
        #expect(bench.task(of: id)?.phase == .stopping)
    }

    @Test func wordsOfAnotherSessionAreNotHeard() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let old = bench.fence
        try bench.disconnect()
        let report = AgentMessage.report(bench.report(.running, of: token))
        #expect(try bench.step(.message(CoordinatorBench.gpu, old, report)).isEmpty)
        try bench.connect(reports: [bench.report(.accepted, of: token)])
        #expect(try bench.step(.message(CoordinatorBench.gpu, old, report)).isEmpty)
        #expect(bench.task(of: id)?.phase == .accepted)
    }

    @Test func onlyWhatDecidesSomethingIsCommitted() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        #expect(try bench.hear(.staging, of: token).commits.isEmpty)
        #expect(try bench.hear(.starting, of: token).commits.isEmpty)
        #expect(try bench.hear(.running, of: token).commits.count == 1)
        #expect(try bench.hear(.stopping, of: token).commits.isEmpty)
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        #expect(try bench.hear(.terminal, of: token, result: result).commits.count == 1)
    }

    @Test func anEndIsCommittedBeforeItIsAcknowledgedAndTheJobIsForgotten() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        let effects = try bench.hear(.terminal, of: token, result: result)
        #expect(effects.commitFirst)
        #expect(effects.sent == [.acknowledge(token)])
        #expect(effects.commits.first?.state == .succeeded)
        #expect(effects.commits.first?.isSettled == true)
        #expect(effects.forgotten == [id])
        #expect(bench.core.isIdle)
        // Its worker has room again.
        #expect(bench.core.worker(CoordinatorBench.gpu)?.reserved == Resources.none)
    }

    @Test func anEndThatComesAgainIsAcknowledgedAgainAndChangesNothing() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        // Kept in memory by outputs that are on their way.
        let result = TaskResult(
            verdict: .succeeded, exit: .exited(code: 0), outputs: Sample.outputs(ByteCount(1)))
        try bench.hear(.terminal, of: token, result: result)
        let before = try #require(bench.core.job(id))
        let other = TaskResult(verdict: .lost)
        let effects = try bench.hear(.terminal, of: token, result: other)
        #expect(effects.sent == [.acknowledge(token)])
        let late = try bench.hear(.running, of: token)
        #expect(late.sent == [.cancel(token, immediately: true)] && late.commits.isEmpty)
        #expect(bench.core.job(id)?.state == .succeeded)
        #expect(bench.task(of: id)?.result == before.current?.tasks.first?.result)
    }

    @Test func attemptsThatWereGivenUpAreEndedAndCollected() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        var stranger = token
        stranger.nonce ^= 1
        let result = TaskResult(verdict: .failed)
        #expect(
            try bench.hear(.running, of: stranger).sent
                == [.cancel(stranger, immediately: true)])
        #expect(
            try bench.hear(.terminal, of: stranger, result: result).sent
                == [.acknowledge(stranger)])
        // The ledger answers for jobs that are not in memory.
        #expect(try bench.hear(.running, of: Sample.token(99)).isEmpty)
    }

    @Test func aTaskIsReportedByItsOwnWorkerOnly() throws {
        let cpu = Sample.name("cpu")
        var bench = try CoordinatorBench(connected: false)
        bench.core = CoordinatorCore(
            id: Sample.coordinator, epoch: CoordinatorBench.epoch,
            workers: [WorkerRecord(name: CoordinatorBench.gpu), WorkerRecord(name: cpu)], jobs: [],
            lastSequence: 0, at: bench.now)
        try bench.connect()
        let (id, token) = try bench.placed(Sample.spec(on: .worker(CoordinatorBench.gpu)))
        try bench.step(.connecting(cpu))
        let session = try #require(bench.core.worker(cpu)?.session)
        let fence = Fence(epoch: CoordinatorBench.epoch, session: session)
        let welcome = Sample.welcome(CoordinatorBench.capacity)
        try bench.step(.connected(cpu, fence, welcome))
        let report = AgentMessage.report(bench.report(.running, of: token))
        let effects = try bench.step(.message(cpu, fence, report))
        #expect(effects.sent == [.cancel(token, immediately: true)])
        #expect(bench.task(of: id)?.phase == .dispatching)
    }

    @Test func aWorkerThatForgetsThatACommandRanHasLostIt() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        try bench.hear(.running, of: token)
        let effects = try bench.hear(.staging, of: token)
        #expect(
            effects.sent == [.cancel(token, immediately: true), .acknowledge(token)])
        let row = try #require(effects.commits.first)
        #expect(row.state == .lost)
        #expect(row.reason?.contains("its disk has lost") == true)
        #expect(row.attempts.count == 1, "what may have run never runs again")
    }

    @Test func aTaskThatAWorkerDoesNotKnowRunsAgainOnlyIfItNeverCould() throws {
        for phase in [nil, TaskPhase.running] {
            var bench = try CoordinatorBench()
            let (_, token) = try bench.placed()
            if let phase { try bench.hear(phase, of: token) }
            try bench.disconnect()
            let effects = try bench.connect()
            let row = try #require(effects.commits.last)
            if phase == nil {
                #expect(row.state == .active)
                #expect(row.current?.id.number == 2)
                #expect(effects.started.map(\.token.task.attempt.number) == [2])
                #expect(effects.started.first?.token != token)
            } else {
                #expect(row.state == .lost)
                #expect(row.reason == "the worker has no record of the task any more")
                #expect(effects.started.isEmpty)
            }
        }
    }

    /// What the name stands for is fixed by the first attempt that finds out.
    @Test(arguments: ["python:3.11-slim", "./Containerfile"])
    func aLaterAttemptIsHeldToTheImageOfTheFirst(_ name: String) throws {
        var spec = Sample.spec()
        spec.container = ContainerSpec(image: try #require(ImageSource(name)))
        var bench = try CoordinatorBench(engines: [.podman])
        let (id, token) = try bench.placed(spec)
        let image = PinnedImage(id: Sample.digest(1), manifest: Sample.digest(2))
        var report = bench.report(.staging, of: token)
        report.container = ContainerFacts(image: image, gpus: .none)
        let effects = try bench.hear(.report(report))
        #expect(effects.commits.map(\.image) == [image], "the next attempt may need it")
        #expect(bench.view(id)?.image == image)
        // Once is enough.
        #expect(try bench.hear(.report(bench.report(.staged, of: token))).commits.isEmpty)
        let later = try bench.hear(.revoked, of: token).started
        let isHeld = name == "python:3.11-slim"
        #expect(later.map(\.token.task.attempt.number) == [2])
        #expect(later.map(\.image) == [isHeld ? image : nil])
    }

    @Test func aTaskThatIsStillThereGoesOnAfterAReconnect() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.disconnect()
        let effects = try bench.connect(reports: [bench.report(.running, of: token)])
        #expect(effects.started.isEmpty)
        #expect(bench.task(of: id)?.phase == .running)
        #expect(bench.core.job(id)?.attempts.count == 1)
    }

    @Test func aWelcomeCountsOnceAndWithinItsSession() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let empty = Sample.welcome(CoordinatorBench.capacity)
        let first = bench.fence
        #expect(try bench.step(.connected(CoordinatorBench.gpu, first, empty)).isEmpty)
        try bench.disconnect()
        #expect(try bench.step(.connected(CoordinatorBench.gpu, first, empty)).isEmpty)
        let alien = Fence(epoch: CoordinatorBench.epoch - 1, session: bench.fence.session)
        #expect(try bench.step(.connected(CoordinatorBench.gpu, alien, empty)).isEmpty)
        #expect(bench.token(of: id) == token)
        #expect(bench.core.worker(CoordinatorBench.gpu)?.fence == nil)
    }

    @Test func aRefusedJobBacksOffTwiceAsLongEachTimeAndFailsAfterTwenty() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try bench.placed()
        let refusal = TaskResult(verdict: .refused, message: "needs 1 CPU")
        var delays: [Int64] = []
        while bench.core.job(id)?.state == .active {
            let token = bench.token(of: id)
            let effects = try bench.hear(.terminal, of: token, result: refusal)
            guard let moment = bench.core.job(id)?.notBefore else {
                let row = try #require(effects.commits.last)
                #expect(row.state == .failed)
                #expect(
                    row.reason == "refused 20 times, the last time because it needs 1 CPU")
                break
            }
            #expect(effects.started.isEmpty)
            #expect(bench.view(id)?.waiting?.code == .backingOff)
            let delay = moment.milliseconds - bench.now.wall.milliseconds
            #expect(effects.wakes == [bench.now.steady + Milliseconds(delay)])
            delays.append(delay)
            bench.now.wall.milliseconds += delay
            bench.now.steady.milliseconds += delay
            #expect(try bench.step(.tick(random: 3)).started.count == 1)
        }
        let doubled: [Int64] = [500, 1000, 2000, 4000, 8000, 16_000, 32_000]
        #expect(delays.count == JobLimits.refusedAttempts - 1)
        #expect(Array(delays.prefix(7)) == doubled)
        #expect(delays.dropFirst(7).allSatisfy { $0 == 60_000 })
    }

    @Test func olderNewsOfForeignUseIsIgnored() throws {
        var bench = try CoordinatorBench()
        try bench.hear(.foreignUse(Sample.resources(3000), version: 2))
        try bench.hear(.foreignUse(Sample.resources(1000), version: 2))
        try bench.hear(.foreignUse(Sample.resources(1000), version: 1))
        let worker = bench.core.worker(CoordinatorBench.gpu)
        #expect(worker?.free == Sample.resources(1000, 8))
        let (id, _) = try bench.submit("k", Sample.spec(Sample.resources(2000)))
        #expect(bench.core.job(try #require(id))?.state == .queued)
        // Room that others leave is given at once.
        let effects = try bench.hear(.foreignUse(.none, version: 3))
        #expect(effects.started.count == 1)
    }

    @Test func anEngineThatIsInstalledLaterGetsTheJobThatWaits() throws {
        var bench = try CoordinatorBench(connected: false)
        var spec = Sample.spec()
        spec.container = ContainerSpec(image: .named("python:3.11-slim"))
        let (id, _) = try bench.submit("k", spec)
        #expect(try bench.connect().started.isEmpty)
        #expect(bench.core.job(try #require(id))?.state == .queued)
        let effects = try bench.hear(.programs(WorkerPrograms(engines: [.podman])))
        #expect(effects.started.count == 1)
    }
}
