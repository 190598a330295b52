@testable import JobModel

/// One life of an agent's process: the production core and an interpreter that batches turns as
/// the real one does. All records of a turn become durable, then its acts are carried out in
/// order; it can be killed before, between and in the middle of these.
final class AgentLife {
    private let machine: Machine
    private unowned let world: Simulation
    private(set) var core: AgentCore
    private(set) var isAlive = true
    var connections: [Connection] = []
    private var inbox: [AgentEvent] = []
    private var isBusy = false
    private var watched: Set<StartToken> = []
    private var aborted: Set<StartToken> = []

    init(machine: Machine) {
        self.machine = machine
        world = machine.world
        core = AgentCore(identity: machine.identity, records: machine.journal.records)
        compactNowAndThen()
    }

    private var moment: Moment {
        world.moment(bootedAt: machine.bootedAt, skew: machine.index * 777)
    }

    /// Rewrites the journal as the shortest one that says the same, and checks that it does.
    private func compactNowAndThen() {
        guard world.random.happens(50), world.injection == .none else { return }
        let compacted = core.compacted(acceptedAt: moment.wall)
        let before = AgentCore(identity: machine.identity, records: machine.journal.records)
        let after = AgentCore(identity: machine.identity, records: compacted)
        if after.tasks != before.tasks || !after.fences.elementsEqual(before.fences, by: ==) {
            world.oracle.violate(.compactionKeepsState, "\(machine.name): \(compacted)")
        }
        machine.journal.replace(with: compacted)
    }

    /// Takes up whatever the journal says was under way.
    func begin() {
        isBusy = true
        machine.keepSecrets(onlyOf: core.tasksWithSecrets)
        var effects: [AgentEffect] = []
        do {
            effects = try core.recover(at: moment)
        } catch {
            crashOnItsOwn("\(error) in recovery")
        }
        process(effects)
    }

    func watches(_ token: StartToken) -> Bool { watched.contains(token) }

    /// Called by the machine when the process is killed.
    func die() {
        isAlive = false
        for connection in connections { connection.breakOff() }
        connections = []
    }

    private func crashOnItsOwn(_ reason: String) {
        world.oracle.violate(.noIllegalTransition, "\(machine.name): \(reason)")
        machine.kill(powerCut: false)
    }

    /// Whether the process is killed here and now.
    private func diesHere() -> Bool {
        let powerCut = world.random.happens(world.faults.powerCut)
        guard isAlive, world.random.happens(world.faults.agentCrash) else { return !isAlive }
        machine.kill(powerCut: powerCut)
        return true
    }
}

// Events.
extension AgentLife {
    func accept(_ connection: Connection) {
        guard isAlive else { return }
        connections.append(connection)
        post(.hello(connection.coordinator.core.id, connection.fence, connection.id))
    }

    func receive(_ message: CoordinatorMessage, on connection: Connection) {
        guard isAlive else { return }
        let coordinator = connection.coordinator.core.id
        var fence = connection.fence
        if let open = core.sessions.first(where: { $0.coordinator == coordinator }),
            open.fence != fence
        {
            world.counters[.lateMessages] += 1
            if world.injection == .fenceIgnored { fence = open.fence }
        }
        post(.message(coordinator, fence, message))
    }

    func post(_ event: AgentEvent) {
        guard isAlive else { return }
        inbox.append(event)
        guard !isBusy else { return }
        isBusy = true
        world.after(0...3) { [self] in turn() }
    }

    private func turn() {
        guard isAlive else { return }
        let events = inbox
        inbox = []
        var effects: [AgentEffect] = []
        for event in events {
            world.note("\(machine.name) < \(Text.of(event))")
            do {
                effects += try core.step(event, at: moment)
            } catch {
                crashOnItsOwn("\(error) after \(Text.of(event))")
                return
            }
        }
        process(effects)
    }
}

// Effects.
extension AgentLife {
    private func process(_ effects: [AgentEffect]) {
        var records: [AgentRecord] = []
        var acts: [AgentEffect] = []
        for effect in effects {
            switch effect {
            case .record(let record): records.append(record)
            default: acts.append(effect)
            }
        }
        if world.injection == .agentActsFirst {
            perform(acts[...]) { [self] in makeDurable(records) { [self] in endTurn() } }
        } else {
            makeDurable(records) { [self] in perform(acts[...]) { [self] in endTurn() } }
        }
    }

    private func makeDurable(_ records: [AgentRecord], then next: @escaping () -> Void) {
        guard isAlive else { return }
        if records.isEmpty {
            next()
            return
        }
        machine.journal.append(records)
        if diesHere() { return }
        world.after(1...8) { [self] in
            guard isAlive else { return }
            machine.facts.add(machine.journal.sync(), world.oracle)
            compactNowAndThen()
            if diesHere() { return }
            next()
        }
    }

    private func perform(_ acts: ArraySlice<AgentEffect>, then next: () -> Void) {
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

    private func perform(_ effect: AgentEffect) {
        world.note("\(machine.name) > \(Text.of(effect))")
        switch effect {
        case .record: preconditionFailure("records are made durable before acts")
        case .welcome(let id, let welcome):
            world.oracle.said(welcome, by: machine, under: connection(id))
            connection(id)?.toCoordinator(welcome)
        case .reject(let id, _): connection(id)?.reject()
        case .close(let id): connection(id)?.breakOff()
        case .send(let id, let message):
            if case .report(let report) = message {
                world.oracle.said(report, by: machine)
                if report.result?.verdict == .refused { world.counters[.refusals] += 1 }
            }
            connection(id)?.toCoordinator(message)
        case .stage(let order): stage(order)
        case .abortStaging(let token): aborted.insert(token)
        case .openEndpoint(let token):
            let endpoint = GangEndpoint(
                addresses: ["10.0.0.\(machine.index)"],
                port: UInt16(world.random.within(1024...65_535)))
            world.after(0...20) { [self] in post(.endpointOpened(token, endpoint)) }
        case .closeEndpoint: break
        case .reach(let question): reach(question)
        case .launch(let order, let rendezvous):
            if order.waitsForGo != (rendezvous != nil) {
                world.oracle.violate(.gangTogether, "\(order.token.task) is launched alone")
            }
            watched.insert(order.token)
            machine.launch(order)
        case .release(let token): machine.release(token)
        case .supervise(let order):
            watched.insert(order.token)
            machine.supervise(order.token)
        case .signal(let token, let number): machine.signal(token, number)
        case .stop(let token, let stop): machine.stop(token, stop)
        case .collect(let order): collect(order)
        case .collectLater(let order, let delay):
            world.after(Int(delay.count)) { [self] in if isAlive { collect(order) } }
        case .dropSecrets(let token): machine.dropSecrets(of: token)
        case .discard(let token):
            watched.remove(token)
            machine.discard(token)
        }
    }

    private func connection(_ id: ConnectionID) -> Connection? {
        connections.first { $0.id == id }
    }

    private func stage(_ order: StartOrder) {
        let token = order.token
        let fails = world.random.happens(world.faults.failure)
        world.after(2...300) { [self] in
            if aborted.contains(token), world.random.happens(500) { return }
            if let init0 = machine.process(token), init0.lives {
                post(.staged(token))
            } else if let tree = order.trees.first(where: { !machine.has($0) }) {
                post(.contentMissing(token, tree))
            } else if !order.spec.secrets.isEmpty, !machine.hasSecrets(of: token) {
                post(.secretsMissing(token))
            } else if fails {
                post(.stagingFailed(token, .environmentFailed, message: "pip did not like it"))
            } else {
                post(.staging(token, activity: "building the environment"))
                world.after(1...50) { [self] in post(.staged(token)) }
            }
        }
    }

    private func reach(_ question: ReachQuestion) {
        let fails = world.random.happens(world.faults.failure)
        if fails { world.counters[.reachProblems] += 1 }
        world.after(1...200) { [self] in
            post(
                .reached(
                    ReachAnswer(
                        token: question.token, round: question.round,
                        reached: question.targets.map { fails ? [] : $0.endpoint.addresses })))
        }
    }

    private func collect(_ order: StartOrder) {
        let fails = world.random.happens(world.faults.collectFailure)
        let size = world.random.pick([0, 10, 3 << 30])
        let text = TestTree.reference(world.random.below(1000))
        world.after(1...100) { [self] in
            if fails {
                post(.collectFailed(order.token, message: "no space is left", mayHeal: true))
            } else if size == 0 {
                post(.collected(order.token, nil))
            } else {
                let outputs = OutputSummary(
                    tree: text, fileCount: 1, totalSize: ByteCount(Int64(size)))
                post(.collected(order.token, outputs))
            }
        }
    }
}

extension StartOrder {
    /// What a task cannot be staged without.
    fileprivate var trees: [TreeReference] {
        [tree] + (spec.software?.recipe.map { [$0.tree] } ?? [])
    }
}
