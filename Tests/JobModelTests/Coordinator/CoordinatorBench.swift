@testable import JobModel

/// A coordinator's core on a bench: one worker, `gpu`, with 4 CPUs and 8 GiB, connected, and time
/// that stands still unless it is set.
struct CoordinatorBench {
    static let gpu = Sample.name("gpu")
    static let epoch: UInt64 = 5
    static let capacity = Sample.resources(4000, 8)

    var core = CoordinatorCore(
        id: Sample.coordinator, epoch: epoch, workers: [WorkerRecord(name: gpu)], jobs: [],
        lastSequence: 0,
        at: Sample.moment(0))
    var now = Sample.moment(0)
    private var requests: UInt64 = 0
    private var versions: UInt64 = 0

    /// Of the worker.
    private var engines: [ContainerEngine] = []

    init(connected: Bool = true, engines: [ContainerEngine] = []) throws {
        self.engines = engines
        if connected { try connect() }
    }

    @discardableResult
    mutating func step(_ event: CoordinatorEvent) throws -> [CoordinatorEffect] {
        try core.step(event, at: now)
    }

    mutating func request() -> RequestID {
        requests += 1
        return RequestID(number: requests)
    }

    var fence: Fence { Fence(epoch: Self.epoch, session: core.worker(Self.gpu)?.session ?? 0) }

    @discardableResult
    mutating func connect(reports: [TaskReport] = []) throws -> [CoordinatorEffect] {
        try step(.connecting(Self.gpu))
        var welcome = Sample.welcome(Self.capacity, reports: reports)
        welcome.engines = engines
        return try step(.connected(Self.gpu, fence, welcome))
    }

    @discardableResult
    mutating func disconnect() throws -> [CoordinatorEffect] {
        try step(.disconnected(Self.gpu, fence, reason: "cut", login: nil))
    }

    /// Submits a job and gives its ID, and what the step did.
    @discardableResult
    mutating func submit(
        _ key: String = "k", _ spec: JobSpec = Sample.spec(), random: UInt64? = nil
    ) throws -> (id: JobID?, effects: [CoordinatorEffect]) {
        let request = SubmitRequest(
            clientKey: key, spec: spec, inputs: Sample.inputs(), confirmed: true)
        let id = self.request()
        let effects = try step(.submit(request, random: random ?? id.number * 1000, id))
        return (effects.submitted, effects)
    }

    /// A job that stands at `dispatching` on the worker.
    mutating func placed(_ spec: JobSpec = Sample.spec()) throws -> (JobID, StartToken) {
        let id = try submit("k\(requests)", spec).id!
        return (id, token(of: id))
    }

    func token(of id: JobID) -> StartToken { core.job(id)!.current!.tasks[0].token }
    func task(of id: JobID) -> TaskRecord? { core.job(id)?.current?.tasks.first }

    /// The agent's word on a task, newer than any before unless a version is given.
    @discardableResult
    mutating func hear(
        _ phase: TaskPhase, of token: StartToken, version: UInt64? = nil,
        result: TaskResult? = nil
    ) throws -> [CoordinatorEffect] {
        try hear(.report(report(phase, of: token, version: version, result: result)))
    }

    @discardableResult
    mutating func hear(_ message: AgentMessage) throws -> [CoordinatorEffect] {
        try step(.message(Self.gpu, fence, message))
    }

    mutating func report(
        _ phase: TaskPhase, of token: StartToken, version: UInt64? = nil,
        result: TaskResult? = nil
    ) -> TaskReport {
        versions = max(versions + 1, version ?? 0)
        return TaskReport(
            token: token, phase: phase, version: version ?? versions,
            process: phase.mayHaveRun ? Sample.process() : nil,
            startedAt: phase.mayHaveRun ? now.wall : nil,
            endedAt: phase.isFinal ? now.wall : nil, result: result)
    }

    /// What the API shows of a job, from memory or, once it is settled, from its last commit.
    func view(_ id: JobID) -> JobView? { core.view(of: id, at: now.wall) }
}

extension [CoordinatorEffect] {
    var commits: [JobRecord] {
        compactMap { effect in
            if case .commit(let job) = effect { return job }
            return nil
        }
    }

    var sent: [CoordinatorMessage] {
        compactMap { effect in
            if case .send(_, _, let message) = effect { return message }
            return nil
        }
    }

    var submitted: JobID? {
        for case .reply(_, .submitted(let id)) in self { return id }
        return nil
    }

    var failure: ShuntError? {
        for case .reply(_, .failed(let error)) in self { return error }
        return nil
    }

    var isDone: Bool {
        contains { effect in
            if case .reply(_, .done) = effect { return true }
            return false
        }
    }

    var started: [StartOrder] {
        sent.compactMap { message in
            if case .start(let order) = message { return order }
            return nil
        }
    }

    /// How many bulk transfers of outputs begin.
    var fetches: Int {
        count { effect in
            if case .fetch = effect { return true }
            return false
        }
    }

    /// The tasks for which pushes of trees begin.
    var pushes: [StartToken] {
        compactMap { effect in
            if case .push(_, let token, _, _) = effect { return token }
            return nil
        }
    }

    var wakes: [SteadyTime] {
        compactMap { effect in
            if case .wake(let moment) = effect { return moment }
            return nil
        }
    }

    var forgotten: [JobID] {
        compactMap { effect in
            if case .forget(let id) = effect { return id }
            return nil
        }
    }

    /// Whether all commits stand before everything else.
    var commitFirst: Bool {
        var isAfter = false
        for effect in self {
            if case .commit = effect {
                if isAfter { return false }
            } else {
                isAfter = true
            }
        }
        return true
    }
}
