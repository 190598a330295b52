@testable import JobModel

/// A worker: its disk, its processes, and the agent that happens to be alive on it.
final class Machine {
    unowned let world: Simulation
    let index: Int
    let name: WorkerName
    let capacity: Resources
    var journal = VirtualJournal()
    /// What has ever become durable here, whatever was compacted or discarded since.
    var facts = DurableFacts()
    private(set) var processes: [VirtualProcess] = []
    /// Trees that are complete in the content store.
    private var store: Set<TreeReference> = []
    /// Tasks whose secrets are in this machine's memory.
    private var secrets: Set<StartToken> = []
    private(set) var agent: AgentLife?
    private(set) var bootedAt = 0
    private var boots = 1
    private var nextPID: Int32 = 100

    init(world: Simulation, index: Int, capacity: Resources) {
        self.world = world
        self.index = index
        self.capacity = capacity
        guard let name = WorkerName("w\(index)") else { preconditionFailure("a valid name") }
        self.name = name
    }

    func note(_ text: String) { world.note("\(name) \(text)") }

    var identity: AgentCore.Identity {
        AgentCore.Identity(
            agent: AgentID(high: 7, low: UInt64(index)),
            incarnation: MachineIncarnation(
                machineID: "m\(index)", hostName: name.text, bootID: "b\(boots)",
                initStartTicks: 1, pidNamespace: 1),
            capacity: capacity,
            platform: Platform(
                system: "linux", architecture: "x86_64", kernel: "6.1", hostName: name.text),
            release: "test")
    }

    var unsettled: String? {
        guard let agent else { return "\(name) has no agent" }
        if let task = agent.core.tasks.first {
            return "the agent of \(name) still has \(task.token.task) in \(task.phase)"
        }
        if let process = processes.first(where: \.lives) {
            return "\(name) still has a process of \(process.token.task), \(process.state)"
        }
        if !secrets.isEmpty { return "\(name) still has the secrets of \(secrets.count) tasks" }
        return nil
    }

    /// Starts an agent on what the disk has.
    func start() {
        guard agent == nil else { return }
        facts.add(journal.sync(), world.oracle)
        note("agent starts with \(journal.records.count) records")
        let life = AgentLife(machine: self)
        agent = life
        life.begin()
    }

    /// Kills the agent, and with the power everything else; what was not durable may be gone.
    func kill(powerCut: Bool) {
        let kept = world.random.below(journal.undurableCount + 1)
        let delay = world.random.within(50...4000)
        guard let victim = agent else { return }
        agent = nil
        victim.die()
        journal.crash(keeping: powerCut ? 0 : kept)
        world.counters[.agentKills] += 1
        note(powerCut ? "power cut" : "agent killed")
        if powerCut {
            world.counters[.powerCuts] += 1
            secrets = []
            for process in processes where process.lives {
                process.state = .ended
                process.isUnkillable = false
            }
        }
        world.after(delay) { [self] in
            if powerCut {
                boots += 1
                bootedAt = world.now
            }
            start()
        }
    }

    /// Tells the agent, if it is alive and watches the task; now and then twice.
    private func tell(_ token: StartToken, _ event: @autoclosure @escaping () -> AgentEvent) {
        world.after(0...20) { [self] in
            guard let agent, agent.watches(token) else { return }
            agent.post(event())
            if world.random.happens(world.faults.duplication) { agent.post(event()) }
        }
    }
}

// Content.
extension Machine {
    func has(_ tree: TreeReference) -> Bool { store.contains(tree) }

    func put(_ tree: TreeReference) { store.insert(tree) }
}

// Secrets.
extension Machine {
    func hasSecrets(of token: StartToken) -> Bool { secrets.contains(token) }

    /// - Returns: whether the task wants them.
    func keepSecrets(_ names: [String], of token: StartToken) -> Bool {
        guard agent?.core.wantsSecrets(token, named: names) == true else { return false }
        secrets.insert(token)
        return true
    }

    func keepSecrets(onlyOf tokens: [StartToken]) { secrets.formIntersection(tokens) }

    func dropSecrets(of token: StartToken) { secrets.remove(token) }
}

// Processes.
extension Machine {
    func process(_ token: StartToken) -> VirtualProcess? {
        processes.last { $0.token == token }
    }

    /// Makes sure that an init is on its way to the barrier, and answers.
    func launch(_ order: StartOrder) {
        let token = order.token
        let fails = world.random.happens(world.faults.failure)
        // What a power cut ended is staged anew, and leaves nothing that could be taken for an end.
        if let known = process(token), known.lives || known.ending != nil { supervise(token) }
        switch process(token)?.state {
        case .launching: break
        case .atBarrier, .running:
            if let process = process(token) { tell(token, .initReady(token, process.process)) }
        case .ended where process(token)?.ending != nil: answerEnded(token)
        case .ended, nil:
            if fails {
                tell(token, .launchFailed(token, message: "no memory for another process"))
            } else {
                spawn(order)
            }
        }
    }

    private func spawn(_ order: StartOrder) {
        nextPID += 1
        let process = VirtualProcess(
            order: order,
            process: TaskProcess(
                pid: nextPID, startTicks: UInt64(world.now), killMethod: .cgroup))
        processes.append(process)
        world.oracle.resourcesChanged = true
        note("launched \(order.token.task) as \(nextPID)")
        world.after(1...60) { [self] in
            guard process.state == .launching else { return }
            process.state = .atBarrier
            if process.stop != nil, process.isSupervised {
                finish(process, .neverStarted)
            } else {
                tell(process.token, .initReady(process.token, process.process))
                if world.injection == .barrierOpen { release(process.token) }
            }
        }
    }

    /// Opens the barrier.
    func release(_ token: StartToken) {
        guard let process = process(token), process.state == .atBarrier else { return }
        process.state = .running
        note("exec \(token.task)")
        world.oracle.executed(process, on: self, in: world)
        let exit: ExitStatus =
            switch world.random.below(10) {
            case 0: .exited(code: Int32(world.random.within(1...255)))
            case 1: .signalled(signal: 11)
            case 2: .execFailed(errno: 2)
            default: .exited(code: 0)
            }
        world.after(world.random.pick([5, 300, 3000, 15_000])) { [self] in
            if process.state == .running, !process.isUnkillable { finish(process, exit) }
        }
    }

    private func finish(
        _ process: VirtualProcess, _ exit: ExitStatus, because cause: StopCause? = nil
    ) {
        process.state = .ended
        process.ending = TaskEnding(exit: exit, cause: cause)
        note("ended \(process.token.task) \(exit)")
        answerEnded(process.token)
    }

    private func answerEnded(_ token: StartToken) {
        if process(token)?.isSupervised == false { return }
        let ending = process(token)?.ending ?? TaskEnding(exit: .vanished)
        tell(token, .ended(token, ending))
    }

    /// Makes sure that a supervisor is there, which takes up what was asked for before.
    func supervise(_ token: StartToken) {
        if let process = process(token), !process.isSupervised {
            process.isSupervised = true
            if let stop = process.stop {
                process.stop = nil
                self.stop(token, stop)
            }
        }
        if process(token)?.lives != true { answerEnded(token) }
    }

    /// Kills some supervisor; an agent that watches its task starts another one.
    func killSupervisor() {
        let living = processes.filter { $0.lives && $0.isSupervised && !$0.isUnkillable }
        let number = world.random.next()
        guard !living.isEmpty else { return }
        let victim = living[Int(number % UInt64(living.count))]
        victim.isSupervised = false
        world.counters[.supervisorKills] += 1
        note("supervisor of \(victim.token.task) killed")
        world.after(0...600) { [self] in
            if agent?.watches(victim.token) == true { supervise(victim.token) }
        }
    }

    func signal(_ token: StartToken, _ number: Int32) {
        let kills = world.random.happens(300)
        guard let process = process(token), process.state == .running, kills,
            !process.isUnkillable
        else { return }
        finish(process, .signalled(signal: number))
    }

    func stop(_ token: StartToken, _ stop: StopOrder) {
        guard let process = process(token), process.lives else { return }
        if let standing = process.stop, standing.grace <= stop.grace { return }
        process.stop = stop
        guard process.isSupervised else { return }
        switch process.state {
        case .launching, .ended: break
        case .atBarrier: finish(process, .neverStarted, because: stop.cause)
        case .running:
            if process.isUnkillable { return }
            process.isUnkillable = world.random.happens(world.faults.unkillable)
            if process.isUnkillable {
                tell(token, .unkillable(token))
                world.after(3000...15_000) { [self] in
                    if process.lives { finish(process, .signalled(signal: 9), because: stop.cause) }
                }
                return
            }
            world.after(world.random.within(0...Int(stop.grace.count) + 5)) { [self] in
                guard process.lives, process.isSupervised else { return }
                finish(process, .signalled(signal: 15), because: stop.cause)
            }
        }
    }

    /// Removes the task's directory. An init that waits in it stays: nobody asked to end it.
    func discard(_ token: StartToken) {
        processes.removeAll { $0.token == token && !$0.lives }
    }
}
