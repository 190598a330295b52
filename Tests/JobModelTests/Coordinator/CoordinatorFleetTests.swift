import Testing

@testable import JobModel

/// Workers that come, change, fall silent and go.
@Suite struct CoordinatorFleetTests {
    private static let lab = Sample.name("lab")

    private static func record(
        _ name: WorkerName = lab, _ destination: String = "lab"
    ) -> WorkerRecord {
        WorkerRecord(
            name: name, address: WorkerAddress(destination: destination), directory: "/d")
    }

    private static func bench() throws -> CoordinatorBench {
        var bench = try CoordinatorBench(connected: false)
        let effects = try bench.step(.putWorker(record(), bench.request()))
        #expect(effects.first.map(Self.isWorkerCommit) == true, "a commit comes first")
        return bench
    }

    private static func isWorkerCommit(_ effect: CoordinatorEffect) -> Bool {
        if case .commitWorker = effect { true } else { false }
    }

    private static func connect(
        _ bench: inout CoordinatorBench, agent: UInt64, reports: [TaskReport] = [],
        restoring: [JobRecord] = []
    ) throws -> [CoordinatorEffect] {
        try bench.step(.connecting(lab))
        var welcome = Sample.welcome(Sample.resources(4000, 8), reports: reports)
        welcome.agent = AgentID(high: 0, low: agent)
        // What the reports are about and memory has dropped is read from the ledger.
        for job in restoring { try bench.step(.restored(job)) }
        return try bench.step(.connected(lab, fence(bench), welcome))
    }

    private static func fence(_ bench: CoordinatorBench) -> Fence {
        Fence(epoch: CoordinatorBench.epoch, session: bench.core.worker(lab)?.session ?? 0)
    }

    private static func spec(on name: WorkerName) -> JobSpec {
        var spec = Sample.spec()
        spec.placement = .worker(name)
        return spec
    }

    private static func error(in effects: [CoordinatorEffect]) -> ShuntError? {
        for case .reply(_, .failed(let error)) in effects { return error }
        return nil
    }

    @Test func aDrainedWorkerTakesNoNewJobsUntilItIsResumed() throws {
        var bench = try CoordinatorBench()
        let (running, _) = try bench.placed()
        let drained = try bench.step(.drain(CoordinatorBench.gpu, true, bench.request()))
        #expect(drained.isDone && drained.sent.isEmpty)
        #expect(bench.core.job(running)?.state == .active, "what runs there goes on")
        let (waiting, effects) = try bench.submit()
        #expect(effects.started.isEmpty)
        let id = try #require(waiting)
        let reason = bench.core.waitingReason(of: id, at: bench.now.wall)
        #expect(reason?.code == .workerDrained)
        // Adding it again, to upgrade its agent, does not let jobs in.
        let record = try #require(bench.core.worker(CoordinatorBench.gpu)?.record)
        #expect(record.isDrained)
        let resumed = try bench.step(.drain(CoordinatorBench.gpu, false, bench.request()))
        #expect(resumed.started.map(\.token.task.job) == [id])
        let unknown = try bench.step(.drain(Sample.name("nobody"), true, bench.request()))
        #expect(unknown.failure?.code == .notFound)
    }

    @Test func aJobForAWorkerThatWasAddedGoesThere() throws {
        var bench = try Self.bench()
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        #expect(bench.core.job(id)?.state == .queued)
        _ = try Self.connect(&bench, agent: 1)
        #expect(bench.task(of: id)?.worker == Self.lab)
    }

    @Test func theLocalWorkerIsNeitherReplacedNorRemoved() throws {
        var bench = try Self.bench()
        for event in [
            CoordinatorEvent.putWorker(Self.record(.local), bench.request()),
            .removeWorker(.local, declaresLost: true, bench.request()),
        ] {
            let effects = try bench.step(event)
            #expect(Self.error(in: effects) != nil)
        }
    }

    @Test func aWorkerWithLiveJobsIsNotRemovedUnlessTheyAreDeclaredLost() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        var effects = try bench.step(
            .removeWorker(Self.lab, declaresLost: false, bench.request()))
        #expect(Self.error(in: effects)?.code == .refused)
        effects = try bench.step(.removeWorker(Self.lab, declaresLost: true, bench.request()))
        #expect(Self.error(in: effects) == nil)
        #expect(bench.core.worker(Self.lab) == nil)
        #expect(bench.core.job(id) == nil, "it is over for good")
        let states = effects.compactMap { effect -> JobState? in
            if case .commit(let job) = effect { job.state } else { nil }
        }
        #expect(states == [.lost])
    }

    @Test func aJobThatWaitsForAWorkerThatIsGivenUpIsCancelledWithItsName() throws {
        var bench = try Self.bench()
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        var effects = try bench.step(
            .removeWorker(Self.lab, declaresLost: false, bench.request()))
        #expect(Self.error(in: effects)?.message.contains(id.text) == true)
        effects = try bench.step(.removeWorker(Self.lab, declaresLost: true, bench.request()))
        #expect(effects.commits.map(\.state) == [.cancelled])
        #expect(effects.commits.first?.reason?.contains("`lab` was removed") == true)
    }

    @Test func whatWasGivenUpIsKilledWhenItsWorkerIsAddedAgain() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        let token = try #require(bench.task(of: id)?.token)
        let report = bench.report(.running, of: token)
        try bench.step(.message(Self.lab, Self.fence(bench), .report(report)))
        let removal = try bench.step(
            .removeWorker(Self.lab, declaresLost: true, bench.request()))
        try bench.step(.putWorker(Self.record(Self.lab), bench.request()))
        let effects = try Self.connect(
            &bench, agent: 1, reports: [report], restoring: removal.commits)
        #expect(effects.sent == [.cancel(token, immediately: true)])
    }

    @Test func anotherAgentAtTheAddressIsNotTakenForTheOneThatHasTheJobs() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        try bench.step(
            .disconnected(Self.lab, Self.fence(bench), reason: "cut", login: nil))
        let effects = try Self.connect(&bench, agent: 2)
        #expect(
            effects.contains { if case .breakLink = $0 { true } else { false } },
            "its silence about the job would be taken for evidence")
        #expect(bench.core.worker(Self.lab)?.fence == nil)
        #expect(bench.task(of: id)?.phase == .dispatching)
    }

    @Test func anotherAgentIsTakenWhereNothingLives() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        try bench.step(
            .disconnected(Self.lab, Self.fence(bench), reason: "cut", login: nil))
        let effects = try Self.connect(&bench, agent: 2)
        #expect(effects.contains(where: Self.isWorkerCommit))
        #expect(bench.core.worker(Self.lab)?.link == .connected)
    }

    @Test func oneAgentIsNotTwoWorkers() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        let other = Sample.name("other")
        var record = Self.record(other, "alias")
        record.agent = AgentID(high: 0, low: 1)
        let refused = try bench.step(.putWorker(record, bench.request()))
        #expect(Self.error(in: refused)?.code == .refused)
        #expect(bench.core.worker(other) == nil)

        // Also where it only turns out once it answers.
        record.agent = nil
        try bench.step(.putWorker(record, bench.request()))
        try bench.step(.connecting(other))
        var welcome = Sample.welcome(Sample.resources(4000, 8))
        welcome.agent = AgentID(high: 0, low: 1)
        let session = bench.core.worker(other)?.session ?? 0
        let effects = try bench.step(
            .connected(other, Fence(epoch: CoordinatorBench.epoch, session: session), welcome))
        #expect(effects.contains { if case .breakLink = $0 { true } else { false } })
        #expect(bench.core.worker(other)?.fence == nil)
        #expect(bench.task(of: id)?.phase == .dispatching)
    }

    @Test func aWorkerWithJobsKeepsItsAgentWhenItIsAddedAgain() throws {
        var bench = try Self.bench()
        var record = Self.record()
        record.agent = AgentID(high: 0, low: 1)
        _ = try Self.connect(&bench, agent: 1)
        try bench.step(.putWorker(record, bench.request()))
        #expect(bench.core.worker(Self.lab)?.link == .connected, "nothing has changed")
        _ = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)

        record.agent = AgentID(high: 0, low: 2)
        record.directory = "/elsewhere"
        let refused = try bench.step(.putWorker(record, bench.request()))
        #expect(Self.error(in: refused)?.code == .refused)
        #expect(bench.core.worker(Self.lab)?.record.agent == AgentID(high: 0, low: 1))

        // The same agent at another address is welcome, and has yet to be reached there.
        record = Self.record(Self.lab, "new-address")
        record.agent = AgentID(high: 0, low: 1)
        let moved = try bench.step(.putWorker(record, bench.request()))
        #expect(Self.error(in: moved) == nil)
        #expect(bench.core.worker(Self.lab)?.link.isConnected == false)
    }

    @Test func aWorkerThatWasRemovedBeginsNoLowerThanItsAgentRemembers() throws {
        var bench = try Self.bench()
        for _ in 0..<3 {
            _ = try Self.connect(&bench, agent: 1)
            try bench.step(
                .disconnected(Self.lab, Self.fence(bench), reason: "cut", login: nil))
        }
        let last = Self.fence(bench).session
        try bench.step(.removeWorker(Self.lab, declaresLost: false, bench.request()))
        try bench.step(.putWorker(Self.record(), bench.request()))
        try bench.step(.connecting(Self.lab))
        #expect(Self.fence(bench).session > last)
    }

    @Test func aWorkerForWhichJobsWaitIsNotRemoved() throws {
        var bench = try Self.bench()
        _ = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        let refused = try bench.step(
            .removeWorker(Self.lab, declaresLost: false, bench.request()))
        #expect(Self.error(in: refused)?.code == .refused)
        #expect(bench.core.worker(Self.lab) != nil)
    }

    @Test func aSilentWorkerGetsNothingNewAndCountsAgainOnceItSpeaks() throws {
        var bench = try Self.bench()
        _ = try Self.connect(&bench, agent: 1)
        let fence = Self.fence(bench)
        try bench.step(.silent(Self.lab, fence, since: bench.now.wall))
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        #expect(bench.core.job(id)?.state == .queued)
        try bench.step(.message(Self.lab, fence, .pong(1)))
        #expect(bench.core.job(id)?.state == .active)
    }

    @Test func aWorkerThatNeedsALoginSaysSo() throws {
        var bench = try Self.bench()
        try bench.step(.connecting(Self.lab))
        try bench.step(
            .disconnected(
                Self.lab, Self.fence(bench), reason: "no key", login: LoginNeed(remedy: nil)))
        let id = try #require(try bench.submit("a", Self.spec(on: Self.lab)).id)
        let link = bench.core.worker(Self.lab)?.link.trouble(at: bench.now.wall)
        #expect(link?.hasPrefix("needs login for ") == true)
        #expect(bench.core.waitingReason(of: id, at: bench.now.wall)?.code == .workerUnreachable)
    }
}

/// Jobs that may go anywhere go where least has to be sent.
@Suite struct CoordinatorLocalityTests {
    private static let lab = Sample.name("lab")

    /// `gpu` and `lab` are connected.
    private static func bench() throws -> CoordinatorBench {
        var bench = try CoordinatorBench()
        let record = WorkerRecord(
            name: lab, address: WorkerAddress(destination: "lab"), directory: "/d")
        try bench.step(.putWorker(record, bench.request()))
        try bench.step(.connecting(lab))
        try bench.step(.connected(lab, fence(bench), Sample.welcome(Sample.resources(4000, 8))))
        return bench
    }

    private static func fence(_ bench: CoordinatorBench) -> Fence {
        Fence(epoch: CoordinatorBench.epoch, session: bench.core.worker(lab)?.session ?? 0)
    }

    private static func anywhere() -> JobSpec {
        var spec = Sample.spec()
        spec.placement = .any
        return spec
    }

    private static func asked(_ effects: [CoordinatorEffect]) -> [WorkerName] {
        effects.compactMap { if case .measure(let name, _, _) = $0 { name } else { nil } }
    }

    @Test func aJobForAnyWorkerWaitsForTheAnswersAndGoesWhereLeastIsMissing() throws {
        var bench = try Self.bench()
        let (id, effects) = try bench.submit("a", Self.anywhere())
        let job = try #require(id)
        #expect(Self.asked(effects) == [CoordinatorBench.gpu, Self.lab])
        #expect(bench.core.job(job)?.state == .queued)
        let reason = bench.core.waitingReason(of: job, at: bench.now.wall)
        #expect(reason?.code == .comparingWorkers)
        let tree = Sample.inputs().tree
        try bench.step(
            .measured(CoordinatorBench.gpu, bench.fence, tree, missing: ByteCount(100)))
        try bench.step(.measured(Self.lab, Self.fence(bench), tree, missing: ByteCount(7)))
        #expect(bench.task(of: job)?.worker == Self.lab)
    }

    @Test func aWorkerThatDoesNotAnswerHoldsAJobUpForSecondsOnly() throws {
        var bench = try Self.bench()
        let job = try #require(try bench.submit("a", Self.anywhere()).id)
        try bench.step(
            .measured(
                CoordinatorBench.gpu, bench.fence, Sample.inputs().tree, missing: ByteCount(9)))
        #expect(bench.core.job(job)?.state == .queued)
        bench.now.steady = bench.now.steady + CoordinatorCore.measureLimit
        try bench.step(.tick(random: 1))
        #expect(bench.task(of: job)?.worker == CoordinatorBench.gpu)
    }

    @Test func aTreeIsMeasuredOnce() throws {
        var bench = try Self.bench()
        try bench.submit("a", Self.anywhere())
        #expect(Self.asked(try bench.submit("b", Self.anywhere()).effects) == [])
    }

    @Test func aJobForANamedWorkerIsNotMeasured() throws {
        var bench = try Self.bench()
        let spec = Sample.spec(on: .worker(CoordinatorBench.gpu))
        #expect(Self.asked(try bench.submit("a", spec).effects) == [])
    }

    @Test func withOneWorkerThereIsNothingToCompare() throws {
        var bench = try CoordinatorBench()
        let (id, effects) = try bench.submit("a", Self.anywhere())
        #expect(Self.asked(effects) == [])
        #expect(bench.task(of: try #require(id))?.worker == CoordinatorBench.gpu)
    }
}
