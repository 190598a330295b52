@testable import JobModel

/// A coordinator's core with three connected workers of 2 CPUs each, and one job of several nodes.
struct GangBench {
    static let names = ["a", "b", "c"].map(Sample.name)

    var core = CoordinatorCore(
        id: Sample.coordinator, epoch: 5, workers: names.map { WorkerRecord(name: $0) }, jobs: [],
        lastSequence: 0, at: Sample.moment(0))
    private var requests: UInt64 = 0
    private var versions: UInt64 = 0

    init() throws {
        for name in Self.names { try connect(name) }
    }

    static func spec(_ nodes: Int, nodesPerWorker: Int = 1, cpus: Int64 = 1000) -> JobSpec {
        var spec = Sample.spec(Sample.resources(cpus), on: .any)
        spec.gang = GangSpec(nodes: nodes, nodesPerWorker: nodesPerWorker)
        return spec
    }

    @discardableResult
    mutating func step(_ event: CoordinatorEvent) throws -> [CoordinatorEffect] {
        try core.step(event, at: Sample.moment(0))
    }

    private func fence(of name: WorkerName) -> Fence {
        Fence(epoch: 5, session: core.worker(name)?.session ?? 0)
    }

    @discardableResult
    mutating func connect(
        _ name: WorkerName, reports: [TaskReport] = []
    ) throws -> [CoordinatorEffect] {
        try step(.connecting(name))
        let welcome = Sample.welcome(Sample.resources(2000, 8), reports: reports)
        return try step(.connected(name, fence(of: name), welcome))
    }

    mutating func disconnect(_ name: WorkerName) throws {
        try step(.disconnected(name, fence(of: name), reason: "cut", login: nil))
    }

    mutating func request() -> RequestID {
        requests += 1
        return RequestID(number: requests)
    }

    mutating func submit(_ spec: JobSpec) throws -> [CoordinatorEffect] {
        let id = request()
        let request = SubmitRequest(
            clientKey: "k\(id.number)", spec: spec, inputs: Sample.inputs(), confirmed: true)
        var effects = try step(.submit(request, random: id.number * 1000, id))
        // No worker is nearer to its files than the others.
        for case .measure(let name, let fence, let tree) in effects {
            effects += try step(.measured(name, fence, tree, missing: .zero))
        }
        return effects
    }

    /// A job whose tasks stand at `dispatching`.
    mutating func placed(_ spec: JobSpec) throws -> JobID { try submit(spec).submitted! }

    func attempt(_ id: JobID) -> AttemptRecord { core.job(id)!.current! }
    func tasks(of id: JobID) -> [TaskRecord] { attempt(id).tasks }

    mutating func report(
        _ phase: TaskPhase, of task: TaskRecord, exit: JobModel.ExitStatus? = nil,
        result: TaskResult? = nil
    ) -> TaskReport {
        versions += 1
        return TaskReport(
            token: task.token, phase: phase, version: versions,
            endpoint: phase == .staged ? endpoint(of: task) : nil,
            process: phase.mayHaveRun && result?.exit != .neverStarted ? Sample.process() : nil,
            exit: exit, startedAt: phase == .running ? Sample.moment(0).wall : nil,
            endedAt: phase.isFinal ? Sample.moment(0).wall : nil, result: result)
    }

    func endpoint(of task: TaskRecord) -> GangEndpoint {
        GangEndpoint(
            addresses: ["10.0.0.\(task.token.task.rank)", "127.0.0.1"],
            port: 5000 + UInt16(task.token.task.rank))
    }

    @discardableResult
    mutating func hear(
        _ phase: TaskPhase, of task: TaskRecord, exit: JobModel.ExitStatus? = nil,
        result: TaskResult? = nil
    ) throws -> [CoordinatorEffect] {
        let report = report(phase, of: task, exit: exit, result: result)
        return try step(.message(task.worker, fence(of: task.worker), .report(report)))
    }

    /// All are staged; what the last of them brought about.
    @discardableResult
    mutating func stage(_ id: JobID) throws -> [CoordinatorEffect] {
        var effects: [CoordinatorEffect] = []
        for task in tasks(of: id) { effects = try hear(.staged, of: task) }
        return effects
    }

    /// A task's answer: the first address of each other one, but for those of `silent`.
    @discardableResult
    mutating func answer(
        _ question: ReachQuestion, silent: Set<Int> = []
    ) throws -> [CoordinatorEffect] {
        let answer = ReachAnswer(
            token: question.token, round: question.round,
            reached: question.targets.map {
                silent.contains($0.token.task.rank) ? [] : [$0.endpoint.addresses[0]]
            },
            problem: silent.isEmpty ? nil : "no route to host")
        let worker = core.job(question.token.task.job)!.current!
            .tasks[question.token.task.rank].worker
        return try step(.message(worker, fence(of: worker), .reach(answer)))
    }

    /// All tasks have met and run.
    mutating func running(_ spec: JobSpec) throws -> JobID {
        let id = try placed(spec)
        for question in try stage(id).questions { try answer(question) }
        for task in tasks(of: id) { try hear(.running, of: task) }
        return id
    }
}

extension [CoordinatorEffect] {
    var questions: [ReachQuestion] {
        sent.compactMap { message in
            if case .reach(let question) = message { return question }
            return nil
        }
    }

    /// Ranks that are let go.
    var letGo: [Int] {
        sent.compactMap { message in
            if case .go(let token, _) = message { return token.task.rank }
            return nil
        }
    }

    /// Ranks that are ended since another one has failed.
    var stopped: [Int] {
        sent.compactMap { message in
            if case .stop(let token, let stop) = message, stop.cause == .gang {
                return token.task.rank
            }
            return nil
        }
    }
}
