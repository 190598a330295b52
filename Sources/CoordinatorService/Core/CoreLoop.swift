internal import ByteStream
internal import Dispatch
internal import Foundation
internal import JobModel
internal import Ledger
internal import Logging

/// The thread that owns the coordinator's state: it takes a turn from the inbox, steps the core
/// for every event of it, commits what changed as one transaction, and only then carries out
/// everything else.
///
/// A commit that fails ends the process: what it covered must not be assumed, and the next start
/// recovers from what is durable.
struct CoreLoop: ~Copyable {
    private var core: CoordinatorCore
    private let ledger: Ledger
    private let inbox: Inbox
    private let ports: CorePorts
    private let labelled: LabelledOutputs
    private let logger: Logger
    private var watchers = JobWatchers()
    private var random = SystemRandomNumberGenerator()

    init(
        core: consuming CoordinatorCore, ledger: Ledger, inbox: Inbox, ports: CorePorts,
        labelled: LabelledOutputs, logger: Logger
    ) {
        self.labelled = labelled
        self.core = core
        self.ledger = ledger
        self.inbox = inbox
        self.ports = ports
        self.logger = logger
    }

    /// Runs until a stop is taken from the inbox.
    ///
    /// - Throws: what made it impossible to go on: a failed commit or a broken invariant.
    mutating func run() throws {
        defer { watchers.removeAll() }
        var isStopping = false
        while !isStopping {
            let turn = inbox.takeTurn()
            do {
                isStopping = try carryOut(turn)
            } catch {
                // Queries come last, and none of this turn's has been answered.
                Inbox.drop(turn)
                throw error
            }
        }
    }

    /// - Returns: whether a stop was among the items.
    private mutating func carryOut(_ turn: [Inbox.Item]) throws -> Bool {
        var isStopping = false
        let now = Self.now()
        var commits = TurnCommits()
        var acts: [CoordinatorEffect] = []
        var queries: [Inbox.Query] = []
        for item in turn {
            switch item {
            case .event(let event): try step(event, now, &commits, &acts)
            case .submit(let request, let reply):
                try submit(request, reply, now, &commits, &acts)
            case .query(let query): queries.append(query)
            case .stop: isStopping = true
            }
        }
        try ledger.commit(commits.jobs, commits.workers)
        labelled.note(commits.jobs)
        for act in acts { perform(act) }
        if !queries.isEmpty {
            var view = CoreTurn(core: core, ledger: ledger, now: now, watchers: watchers)
            for query in queries { query.run(&view) }
            watchers = view.watchers
        }
        return isStopping
    }

    private static func now() -> Moment {
        Moment(
            wall: WallTime(milliseconds: SystemClock.wallMilliseconds()),
            steady: SteadyTime(milliseconds: SystemClock.steadyMilliseconds()))
    }

    private mutating func step(
        _ event: CoordinatorEvent, _ now: Moment, _ commits: inout TurnCommits,
        _ acts: inout [CoordinatorEffect]
    ) throws {
        for restored in try restoredJobs(before: event, commits) {
            _ = try core.step(.restored(restored), at: now)
        }
        for effect in try core.step(event, at: now) {
            switch effect {
            case .commit(let job): commits.add(job)
            case .commitWorker(let record): commits.workers.append(.put(record))
            case .deleteWorker(let name): commits.workers.append(.delete(name))
            default: acts.append(effect)
            }
        }
    }

    /// Jobs that were dropped from memory and that this event is about.
    private func restoredJobs(
        before event: CoordinatorEvent, _ commits: TurnCommits
    ) throws -> [JobRecord] {
        let wanted: [JobID] =
            switch event {
            case .fetch(let id, _): [id]
            case .submit(let request, _, _): request.spec.after
            case .connected(_, _, let welcome): welcome.reports.map(\.token.task.job)
            case .message(_, _, .report(let report)): [report.token.task.job]
            default: []
            }
        var seen: Set<JobID> = []
        return try wanted.compactMap { id in
            guard core.job(id) == nil, seen.insert(id).inserted else { return nil }
            return try commits.job(id) ?? ledger.job(id)
        }
    }

    private mutating func submit(
        _ request: SubmitRequest, _ reply: RequestID, _ now: Moment,
        _ commits: inout TurnCommits, _ acts: inout [CoordinatorEffect]
    ) throws {
        if let known = try ledger.jobID(clientKey: request.clientKey) {
            acts.append(.reply(reply, .submitted(known)))
            return
        }
        if let refusal = ledger.refusalOfNewJobs() {
            acts.append(.reply(reply, .failed(refusal)))
            return
        }
        var number = random.next()
        while try ledger.contains(JobID(random: number)) { number = random.next() }
        try step(.submit(request, random: number, reply), now, &commits, &acts)
    }

    private mutating func perform(_ effect: CoordinatorEffect) {
        switch effect {
        case .commit, .commitWorker, .deleteWorker:
            preconditionFailure("commits are carried out before acts")
        case .changed(let id): watchers.changed(id)
        case .forget: break
        default: ports.perform(effect)
        }
    }
}

/// The rows that one turn writes: the last state of each job, in the order of first change.
struct TurnCommits {
    private var order: [JobID] = []
    private var latest: [JobID: JobRecord] = [:]
    /// In the order in which they were decided.
    var workers: [WorkerChange] = []

    var jobs: [JobRecord] { order.compactMap { latest[$0] } }

    func job(_ id: JobID) -> JobRecord? { latest[id] }

    mutating func add(_ job: JobRecord) {
        if latest.updateValue(job, forKey: job.id) == nil { order.append(job.id) }
    }
}
