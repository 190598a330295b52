@testable import JobModel

/// Sees everything that happens in a simulation and knows what must not.
final class Oracle {
    private let watched: Set<Invariant>
    private(set) var violation: Violation?
    /// Set by a machine whose processes hold more than before.
    var resourcesChanged = false
    /// By job and rank.
    private var execs: [JobID: [Int: StartToken]] = [:]
    private var stagedTasks: Set<StartToken> = []
    private var promisedJobs: [JobID: CoordinatorHome] = [:]
    /// In the order of the promises.
    private var promiseOrder: [JobID] = []
    private var toldEnds: [JobID: JobState] = [:]
    private var lastSaid: [StartToken: (phase: TaskPhase, count: Int)] = [:]
    private static let mostReportsInAPhase = 120

    init(watched: Set<Invariant>) { self.watched = watched }

    /// Records the first broken invariant of those that are watched.
    func violate(_ invariant: Invariant, _ detail: String) {
        guard violation == nil, watched.contains(invariant) else { return }
        violation = Violation(invariant: invariant, detail: detail)
    }

    /// After every step.
    func look(at world: Simulation) {
        if resourcesChanged {
            resourcesChanged = false
            for machine in world.machines { checkResources(of: machine) }
        }
        for id in promiseOrder {
            guard let home = promisedJobs[id] else { continue }
            guard let row = home.row(id) else {
                // What is promised before its commit is not yet lost; a restart shows.
                if home.life == nil {
                    violate(.acknowledgedExists, "\(id) was promised, and the ledger lacks it")
                }
                continue
            }
            if let end = toldEnds[id], row.state != end {
                violate(.terminalStays, "\(id) was told to be \(end) and is \(row.state)")
            }
        }
    }

    /// An init at its barrier whose task is durably over will never be released; it holds nothing.
    private func checkResources(of machine: Machine) {
        var sum = Resources.none
        for process in machine.processes where process.lives {
            if process.state != .running, machine.facts[process.token].isFinal { continue }
            sum = sum + process.order.spec.resources
        }
        if !sum.fits(in: machine.capacity) {
            violate(
                .resourcesGivenOnce, "\(sum) of \(machine.capacity) are given on \(machine.name)")
        }
    }
}

// What agents do.
extension Oracle {
    func executed(_ process: VirtualProcess, on machine: Machine, in world: Simulation) {
        world.counters[.execs] += 1
        resourcesChanged = true
        let token = process.token
        let job = token.task.job
        if !machine.facts[token].contains(.started) {
            violate(.execNeedsStarted, "\(token.task) on \(machine.name)")
        }
        if !process.order.spec.secrets.isEmpty, !machine.hasSecrets(of: token) {
            violate(.execNeedsSecrets, "\(token.task) on \(machine.name)")
        }
        for other in world.machines {
            for live in other.processes
            where live !== process && live.state == .running && live.token.task.job == job
                && !token.isBeside(live.token)
            {
                violate(
                    .oneLiveAttempt,
                    "\(live.token.task) on \(other.name) and \(token.task) on \(machine.name)")
            }
        }
        let first = execs[job, default: [:]].updateValue(token, forKey: token.task.rank)
        if let first {
            violate(.oneExec, "\(first.task), and again \(token.task) on \(machine.name)")
        }
        if process.order.waitsForGo { checkGang(of: token, in: world) }
        for id in process.order.spec.after {
            world.counters[.dependencies] += 1
            let row = world.homes.lazy.compactMap { $0.row(id) }.first
            if row?.state != .succeeded {
                violate(.afterOthers, "\(token.task) runs, and \(id) has not succeeded")
            }
        }
    }

    private func checkGang(of token: StartToken, in world: Simulation) {
        let row = world.homes.lazy.compactMap { $0.row(token.task.job) }.first
        guard let attempt = row?.attempts.first(where: { $0.id == token.task.attempt }) else {
            return violate(.gangTogether, "\(token.task) has no attempt")
        }
        world.counters[.gangExecs] += 1
        if attempt.rendezvous == nil {
            violate(.gangTogether, "\(token.task) runs, and its gang has not met")
        }
        for task in attempt.tasks where !stagedTasks.contains(task.token) {
            violate(.gangTogether, "\(token.task) runs before \(task.token.task) is staged")
        }
    }

    func said(_ report: TaskReport, by machine: Machine) {
        if report.phase == .staged { stagedTasks.insert(report.token) }
        let last = lastSaid[report.token]
        let count = last?.phase == report.phase ? (last?.count ?? 0) + 1 : 1
        lastSaid[report.token] = (report.phase, count)
        if count > Self.mostReportsInAPhase {
            violate(.noStorm, "\(report.token.task) is reported as \(report.phase) for ever")
        }
        if !machine.facts.cover(report.phase, of: report.token) {
            violate(
                .durableBeforeSaid,
                "\(machine.name) reports \(report.token.task) as \(report.phase)")
        }
    }

    func said(_ welcome: Welcome, by machine: Machine, under connection: Connection?) {
        for report in welcome.reports { said(report, by: machine) }
        guard let connection else { return }
        let durable = machine.facts.fence(of: connection.coordinator.core.id)
        if durable.map({ $0 < connection.fence }) ?? true {
            violate(.durableBeforeSaid, "\(machine.name) welcomes under a fence not yet durable")
        }
    }
}

// What coordinators do.
extension Oracle {
    func committed(_ job: JobRecord, over old: JobRecord?, in home: CoordinatorHome) {
        guard let old else { return }
        for task in job.attempts.lazy.flatMap(\.tasks) where task.phase == .revoked {
            if old.task(task.token)?.phase != .revoked { home.world.counters[.revocations] += 1 }
        }
        for attempt in job.attempts where attempt.tasks.count != job.spec.nodeCount {
            violate(.placementWhole, "\(attempt.id) has \(attempt.tasks.count) tasks")
        }
        if job.state != old.state {
            home.world.note("\(home.name) commits \(Text.of(job))")
        }
        if old.state == .active, job.state == .queued { home.world.counters[.requeues] += 1 }
        if job.outputsFetch == .fetched, old.outputsFetch != .fetched {
            home.world.counters[.storedOutputs] += 1
        }
        if old.state.isTerminal, job.state != old.state || job.exitCode != old.exitCode {
            violate(.terminalStays, "\(job.id) was \(old.state) and becomes \(job.state)")
        }
        for task in old.attempts.lazy.flatMap(\.tasks) where task.phase.isFinal {
            guard let now = job.task(task.token) else { continue }
            if now.phase != task.phase || now.result != task.result {
                violate(.terminalStays, "\(task.token.task) becomes \(now.phase)")
            }
        }
    }

    func said(_ message: CoordinatorMessage, by home: CoordinatorHome) {
        switch message {
        case .start(let order):
            if home.row(order.token.task.job)?.task(order.token) == nil {
                violate(.commitBeforeActing, "\(order.token.task) is started")
            }
        case .acknowledge(let token):
            if let task = home.row(token.task.job)?.task(token), !task.phase.isFinal {
                violate(.commitBeforeActing, "\(token.task) is acknowledged in \(task.phase)")
            }
            if home.row(token.task.job) == nil {
                violate(.commitBeforeActing, "\(token.task) of no known job is acknowledged")
            }
        case .go(let token, let rendezvous):
            let attempts = home.row(token.task.job)?.attempts ?? []
            if attempts.first(where: { $0.id == token.task.attempt })?.rendezvous != rendezvous {
                violate(.commitBeforeActing, "\(token.task) is let go")
            }
        case .reach, .stop, .cancel, .signal, .contentPushed, .secretsHanded, .ping: break
        }
    }

    /// A client is told that the job exists.
    func promised(_ id: JobID, of home: CoordinatorHome) {
        if promisedJobs.updateValue(home, forKey: id) == nil { promiseOrder.append(id) }
    }

    /// A client is told that the job will be cancelled, or is over.
    func cancelPromised(_ id: JobID, of home: CoordinatorHome) {
        guard let row = home.row(id), row.cancel == nil, !row.state.isTerminal else { return }
        violate(.acknowledgedExists, "the cancel of \(id) is not in the ledger")
    }

    /// A client is told how the job ended.
    func told(_ row: JobRecord, of home: CoordinatorHome) {
        toldEnds[row.id] = row.state
    }
}

extension JobRecord {
    func task(_ token: StartToken) -> TaskRecord? {
        attempts.lazy.flatMap(\.tasks).first { $0.token == token }
    }
}

extension StartToken {
    /// Whether both are tasks of one attempt.
    fileprivate func isBeside(_ other: StartToken) -> Bool {
        task.attempt == other.task.attempt && task.rank != other.task.rank
    }
}
