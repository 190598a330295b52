@testable import JobModel

/// One life of a coordinator's process: the production core, an inbox, and turns as the real
/// interpreter takes them. What one turn changes is one transaction; only then it acts.
final class CoordinatorLife {
    enum Item {
        case event(CoordinatorEvent)
        case submit(SubmitRequest, RequestID)
    }

    let home: CoordinatorHome
    private unowned let world: Simulation
    private(set) var core: CoordinatorCore
    private(set) var isAlive = true
    var links: [WorkerLink] = []
    private var inbox: [Item] = []
    private var isBusy = false
    private var replies: [RequestID: (CoordinatorReply) -> Void] = [:]
    private var nextRequest: UInt64 = 0
    private var alarm: SteadyTime?

    init(home: CoordinatorHome, jobs: [JobRecord], lastSequence: UInt64) {
        self.home = home
        world = home.world
        core = CoordinatorCore(
            id: home.id, epoch: home.epoch,
            workers: world.machines.map { WorkerRecord(name: $0.name) },
            jobs: jobs,
            lastSequence: lastSequence, at: world.moment(skew: -home.index * 333))
    }

    var moment: Moment { world.moment(skew: -home.index * 333) }

    func begin() {
        links = world.machines.map { WorkerLink(machine: $0, coordinator: self) }
        for link in links { world.after(0...100) { link.connect() } }
    }

    func link(_ name: WorkerName) -> WorkerLink? {
        isAlive ? links.first { $0.machine.name == name } : nil
    }

    /// Called by the home when the process is killed.
    func die() {
        isAlive = false
        for link in links { link.current?.breakOff() }
        links = []
        replies = [:]
    }

    /// Whether the process is killed here and now.
    private func diesHere() -> Bool {
        guard isAlive, world.random.happens(world.faults.coordinatorCrash) else {
            return !isAlive
        }
        home.kill()
        return true
    }

    private func crashOnItsOwn(_ reason: String) {
        world.oracle.violate(.noIllegalTransition, "\(home.name): \(reason)")
        home.kill()
    }
}

// Events.
extension CoordinatorLife {
    /// Asks for something on behalf of a client.
    func ask(_ item: (RequestID) -> Item, _ reply: @escaping (CoordinatorReply) -> Void) {
        nextRequest += 1
        let request = RequestID(number: nextRequest)
        replies[request] = reply
        post(item(request))
    }

    func post(_ event: CoordinatorEvent) { post(.event(event)) }

    private func post(_ item: Item) {
        guard isAlive else { return }
        inbox.append(item)
        guard !isBusy else { return }
        isBusy = true
        world.after(0...3) { [self] in turn() }
    }

    private func turn() {
        guard isAlive else { return }
        let items = inbox
        inbox = []
        var commits: [JobRecord] = []
        var acts: [CoordinatorEffect] = []
        for item in items {
            do {
                switch item {
                case .event(let event): try step(event, &commits, &acts)
                case .submit(let request, let reply):
                    try submit(request, reply, &commits, &acts)
                }
            } catch {
                crashOnItsOwn("\(error)")
                return
            }
        }
        if world.injection == .coordinatorActsFirst {
            perform(acts) { [self] in commit(commits) { [self] in endTurn() } }
        } else {
            commit(commits) { [self] in perform(acts) { [self] in endTurn() } }
        }
    }

    private func step(
        _ event: CoordinatorEvent, _ commits: inout [JobRecord],
        _ acts: inout [CoordinatorEffect]
    ) throws {
        world.note("\(home.name) < \(Text.of(event))")
        for id in wanted(by: event) where core.job(id) == nil {
            guard let row = commits.last(where: { $0.id == id }) ?? home.stored(id) else {
                continue
            }
            let effects = try core.step(.restored(row), at: moment)
            if !effects.isEmpty {
                world.oracle.violate(.noIllegalTransition, "restoring \(id) has effects")
            }
        }
        for effect in try core.step(event, at: moment) {
            if case .commit(let job) = effect {
                commits.removeAll { $0.id == job.id }
                commits.append(job)
            } else {
                acts.append(effect)
            }
        }
    }

    /// Jobs that have to be in memory for the event.
    private func wanted(by event: CoordinatorEvent) -> [JobID] {
        switch event {
        case .fetch(let id, _): [id]
        case .submit(let request, _, _): request.spec.after
        case .connected(_, _, let welcome): welcome.reports.map(\.token.task.job)
        case .message(_, _, .report(let report)): [report.token.task.job]
        default: []
        }
    }

    private func submit(
        _ request: SubmitRequest, _ reply: RequestID, _ commits: inout [JobRecord],
        _ acts: inout [CoordinatorEffect]
    ) throws {
        if let known = home.job(underKey: request.clientKey) {
            acts.append(.reply(reply, .submitted(known)))
            return
        }
        var number = world.random.next()
        while home.row(JobID(random: number)) != nil { number = world.random.next() }
        try step(.submit(request, random: number, reply), &commits, &acts)
    }
}

// Effects.
extension CoordinatorLife {
    private func commit(_ jobs: [JobRecord], then next: @escaping () -> Void) {
        guard isAlive else { return }
        if jobs.isEmpty {
            next()
            return
        }
        world.after(1...8) { [self] in
            if diesHere() { return }
            home.commit(jobs)
            if diesHere() { return }
            next()
        }
    }

    private func perform(_ acts: [CoordinatorEffect], then next: () -> Void) {
        for act in acts {
            guard isAlive else { return }
            perform(act)
            if diesHere() { return }
        }
        if isAlive { next() }
    }

    private func endTurn() {
        isBusy = false
        guard !inbox.isEmpty else { return }
        isBusy = true
        world.after(0...3) { [self] in turn() }
    }

    private func perform(_ effect: CoordinatorEffect) {
        switch effect {
        case .changed, .forget: return
        default: world.note("\(home.name) > \(Text.of(effect))")
        }
        switch effect {
        case .commit: preconditionFailure("commits are carried out before acts")
        case .reply(let request, let reply):
            if case .submitted(let id) = reply { world.oracle.promised(id, of: home) }
            replies.removeValue(forKey: request)?(reply)
        case .changed, .forget: break
        case .commitWorker, .deleteWorker, .link, .unlink, .breakLink:
            preconditionFailure("the workers of a simulation stay what they are")
        case .measure(let name, let fence, let tree): link(name)?.measure(tree, under: fence)
        case .open(let name, let fence): link(name)?.open(fence)
        case .send(let name, let fence, let message):
            world.oracle.said(message, by: home)
            link(name)?.send(message, under: fence)
        case .push(let name, let token, let tree, _): link(name)?.push(tree, for: token)
        case .fetch(let name, let job, let tree): link(name)?.fetch(job, tree)
        case .handSecrets(let name, let token, let names, let key):
            link(name)?.handSecrets(names, of: token, isThere: home.hasSecrets(key))
        case .dropSecrets(let key): home.dropSecrets(key)
        case .wake(let at): setAlarm(at)
        }
    }

    /// One pending tick, at the earliest moment that was asked for.
    private func setAlarm(_ at: SteadyTime) {
        if let alarm, alarm <= at { return }
        alarm = at
        world.after(Int((at - moment.steady).count)) { [self] in
            guard isAlive, alarm == at else { return }
            alarm = nil
            post(.tick(random: world.random.next()))
        }
    }
}
