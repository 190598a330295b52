/// The decisions of a coordinator: which jobs there are, where they run, what agents are told.
///
/// A pure machine over everything that is not over yet; jobs whose end is durable and acknowledged
/// are dropped from memory and live on in the ledger. Its rule for safety: the only ways for a job
/// to get another attempt are the agent's durable word that the last one never ran (`revoked`,
/// `refused`), and the absence of a dispatched token from the report of an agent that has made a
/// higher fence durable.
package struct CoordinatorCore: Sendable {
    package let id: CoordinatorID
    package let epoch: UInt64
    /// Live jobs in the order of submission.
    package internal(set) var order: [JobID] = []
    var jobs: [JobID: JobRecord] = [:]
    var clientKeys: [String: JobID] = [:]
    /// Queued jobs: higher priorities first, each in the order of submission.
    var queue: [JobID] = []
    /// Sorted by name.
    package internal(set) var workers: [WorkerState] = []
    var nextSequence: UInt64
    var nextSignal: UInt64 = 0
    /// Of the next connection to any worker; odd, since its end takes the number after it.
    var nextSession: UInt64 = 1
    /// Jobs that were brought back for the next event and may be over for good.
    var restored: [JobID] = []
    var fetchRetries: [FetchRetry] = []
    /// Of jobs whose outputs are those of several tasks, which of these is being fetched. Looked
    /// up, never walked through.
    var fetchPlaces: [JobID: Int] = [:]
    /// Gangs whose tasks find out whether they reach each other. Looked up, never walked through.
    var reachRounds: [JobID: ReachRound] = [:]
    /// Which data must never come to which workers, as the configuration has it now.
    var rules = DataRules()
    /// The tick that is on its way.
    var alarm: SteadyTime?
    /// Drives nonces; seeded by the random numbers that events bring.
    var nonces: UInt64 = 0

    /// - Parameters:
    ///   - jobs: every job of the ledger that is not over or not acknowledged, in any order.
    ///   - lastSequence: the highest sequence in the ledger, 0 for an empty one.
    package init(
        id: CoordinatorID, epoch: UInt64, workers: [WorkerRecord], jobs: [JobRecord],
        lastSequence: UInt64, rules: DataRules = DataRules(), at now: Moment
    ) {
        self.id = id
        self.rules = rules
        self.epoch = epoch
        nextSequence = lastSequence + 1
        self.workers = workers.sorted { $0.name < $1.name }
            .map { WorkerState(record: $0, since: now.wall) }
        for job in jobs.sorted(by: { $0.sequence < $1.sequence }) { insert(job) }
    }

    /// What is known of a job.
    package func job(_ id: JobID) -> JobRecord? { jobs[id] }

    /// What is known of a worker.
    package func worker(_ name: WorkerName) -> WorkerState? {
        workers.first { $0.name == name }
    }

    /// Whether nothing is queued, running, or on its way.
    package var isIdle: Bool { order.isEmpty }

    package var queuedCount: Int { queue.count }

    /// The decision on one event, placement included.
    ///
    /// - Throws: ``IllegalTransition`` where an event contradicts what is known: a defect, after
    ///   which the caller ends the process and recovers from the ledger.
    package mutating func step(
        _ event: CoordinatorEvent, at now: Moment
    ) throws(IllegalTransition) -> [CoordinatorEffect] {
        var turn = Turn(now: now)
        switch event {
        case .submit(let request, let random, let reply):
            submit(request, random: random, reply, &turn)
        case .cancel(let id, let immediately, let reply):
            try cancel(id, immediately: immediately, reply, &turn)
        case .signal(let id, let number, let reply): signal(id, number, reply, &turn)
        case .fetch(let id, let reply): fetch(id, reply, &turn)
        case .fetched(let id, let tree, let failure): fetched(id, tree, failure: failure, &turn)
        case .connecting(let name): connecting(name, &turn)
        case .connected(let name, let fence, let welcome):
            try connected(name, fence, welcome, &turn)
        case .disconnected(let name, let fence, let reason, let login):
            disconnected(name, fence, reason: reason, login: login, &turn)
        case .silent(let name, let fence, let since): silent(name, fence, since: since, &turn)
        case .message(let name, let fence, let message):
            // Late words of a session that is over change nothing.
            if let index = workerIndex(name), workers[index].fence == fence {
                heard(index, &turn)
                try receive(message, from: name, &turn)
            }
        case .putWorker(let record, let reply): putWorker(record, reply, &turn)
        case .drain(let name, let drains, let reply): drain(name, drains, reply, &turn)
        case .changeDatasets(let name, let change, let reply):
            changeDatasets(change, on: name, reply, &turn)
        case .rules(let rules): adopt(rules, &turn)
        case .removeWorker(let name, let declaresLost, let reply):
            try removeWorker(name, declaresLost: declaresLost, reply, &turn)
        case .measured(let name, let fence, let tree, let missing):
            measured(name, fence, tree, missing: missing)
        case .pushed(let name, let token, let tree, let bytes, let failure):
            pushed(name, token, tree, bytesSent: bytes, failure, &turn)
        case .secretsHanded(let name, let token, let failure):
            secretsHanded(name, token, failure, &turn)
        case .secretsLost(let id): try secretsLost(id, &turn)
        case .restored(let record):
            restore(record)
            return []
        case .tick(let random):
            nonces ^= random
            alarm = nil
        }
        measure(&turn)
        try place(&turn)
        retryFetches(&turn)
        return finish(turn)
    }
}

extension CoordinatorCore {
    /// What one step changes: jobs are committed once, however often they changed.
    struct Turn {
        let now: Moment
        /// Jobs to be committed, in the order in which they were first touched.
        private(set) var touched: [JobID] = []
        /// Jobs that look different from outside, the committed ones among them.
        private(set) var changed: [JobID] = []
        private(set) var effects: [CoordinatorEffect] = []

        init(now: Moment) { self.now = now }

        mutating func touch(_ id: JobID) {
            if !touched.contains(id) { touched.append(id) }
            show(id)
        }

        mutating func show(_ id: JobID) {
            if !changed.contains(id) { changed.append(id) }
        }

        mutating func act(_ effect: CoordinatorEffect) { effects.append(effect) }
    }

    /// Changes a job, counts its version, and has it committed at the end of the step.
    ///
    /// - Parameter durably: `false` for what an agent would report again after a restart of this
    ///   process, and on which nothing depends until then.
    mutating func change(
        _ id: JobID, durably: Bool = true, _ turn: inout Turn, _ body: (inout JobRecord) -> Void
    ) {
        guard var job = jobs[id] else { return }
        body(&job)
        job.version += 1
        jobs[id] = job
        if durably { turn.touch(id) } else { turn.show(id) }
    }

    /// Has no effects: whatever the job was brought back for comes with the next event.
    private mutating func restore(_ job: JobRecord) {
        guard jobs[job.id] == nil else { return }
        insert(job)
        restored.append(job.id)
    }

    mutating func insert(_ job: JobRecord) {
        order.append(job.id)
        jobs[job.id] = job
        clientKeys[job.clientKey] = job.id
        if job.state == .queued { enqueue(job.id) }
        for task in job.current?.tasks ?? [] where task.phase.holdsResources {
            reserve(job.spec.resources, on: task.worker)
        }
    }

    func workerIndex(_ name: WorkerName) -> Int? {
        workers.firstIndex { $0.name == name }
    }

    mutating func reserve(_ resources: Resources, on name: WorkerName) {
        guard let index = workerIndex(name) else { return }
        workers[index].reserved = workers[index].reserved + resources
    }

    mutating func release(_ resources: Resources, on name: WorkerName) {
        guard let index = workerIndex(name) else { return }
        workers[index].reserved = workers[index].reserved - resources
    }

    /// A number that no other token of this coordinator bears, together with its epoch and task.
    mutating func nonce() -> UInt64 {
        // SplitMix64, Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators".
        nonces &+= 0x9e37_79b9_7f4a_7c15
        var mixed = nonces
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Commits first, then everything else in the order in which it was decided.
    private mutating func finish(_ turn: Turn) -> [CoordinatorEffect] {
        var effects: [CoordinatorEffect] = []
        var forgotten: [JobID] = []
        for id in turn.touched {
            guard let job = jobs[id] else { continue }
            effects.append(.commit(job))
            if job.isSettled { forgotten.append(id) }
        }
        let isCommit: (CoordinatorEffect) -> Bool = {
            switch $0 {
            case .commitWorker, .deleteWorker: true
            default: false
            }
        }
        effects += turn.effects.filter(isCommit)
        effects += turn.effects.filter { !isCommit($0) }
        effects += turn.changed.map { .changed($0) }
        for id in restored where jobs[id]?.isSettled == true && !forgotten.contains(id) {
            forgotten.append(id)
        }
        restored = []
        for id in forgotten {
            if let job = jobs.removeValue(forKey: id) { clientKeys[job.clientKey] = nil }
            reachRounds[id] = nil
            fetchPlaces[id] = nil
            effects.append(.forget(id))
        }
        if !forgotten.isEmpty {
            order.removeAll { jobs[$0] == nil }
        }
        return effects
    }
}

extension JobRecord {
    /// Whether nothing can happen to the job any more unless a person asks for something.
    package var isSettled: Bool {
        state.isTerminal && outputsFetch != .fetching
            && attempts.allSatisfy { $0.tasks.allSatisfy(\.acknowledged) }
    }
}
