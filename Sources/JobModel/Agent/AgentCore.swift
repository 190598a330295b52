/// The decisions of a worker's agent: which tasks it has, what it may start, what it tells whom.
///
/// A pure machine: it reads no clock, file or socket. It is the authority on what is in use on its
/// machine and refuses a start that does not fit. What it may say only after it is durable stands
/// behind a ``AgentEffect/record(_:)`` of the same step. After a restart,
/// ``init(identity:records:)`` folds the journal and ``recover(at:)`` asks again for whatever was
/// under way.
package struct AgentCore: Sendable {
    /// What does not change during the life of an agent.
    package struct Identity: Hashable, Sendable {
        package var agent: AgentID
        package var incarnation: MachineIncarnation
        package var capacity: Resources
        package var platform: Platform
        package var release: String

        package init(
            agent: AgentID, incarnation: MachineIncarnation, capacity: Resources,
            platform: Platform, release: String
        ) {
            self.agent = agent
            self.incarnation = incarnation
            self.capacity = capacity
            self.platform = platform
            self.release = release
        }
    }

    /// The control stream of one coordinator.
    struct Session: Hashable {
        var coordinator: CoordinatorID
        var fence: Fence
        var connection: ConnectionID
        /// What the coordinator knows that others hold here, and how often it was told.
        var foreignUse: Resources
        var foreignUseVersion: UInt64 = 0
        /// What it knows that can be run here.
        var programs: WorkerPrograms
    }

    /// A token that is over, remembered for as long as a late copy of its start order could come.
    struct Tombstone: Hashable {
        var token: StartToken
        var until: SteadyTime
    }

    package let identity: Identity
    /// What was found the last time that somebody looked.
    package internal(set) var programs = WorkerPrograms()
    /// In the order of acceptance.
    package internal(set) var tasks: [AgentTask] = []
    /// Sorted by coordinator.
    var fences: [(coordinator: CoordinatorID, fence: Fence)] = []
    var sessions: [Session] = []
    var tombstones: [Tombstone] = []

    package init(identity: Identity, records: [AgentRecord]) {
        self.identity = identity
        for record in records { apply(record) }
    }

    /// What tasks of every coordinator hold.
    package var inUse: Resources {
        tasks.reduce(.none) { $0 + $1.resources }
    }

    /// The task of a start; `nil` if this agent has none of that token.
    package func task(_ token: StartToken) -> AgentTask? {
        index(of: token).map { tasks[$0] }
    }

    /// Whether the agent could end without anybody missing it.
    package var isIdle: Bool { tasks.isEmpty && sessions.isEmpty }

    /// The decision on an event.
    ///
    /// - Throws: ``IllegalTransition`` where an event contradicts what is known: a defect, after
    ///   which the caller ends the process and recovers from the journal.
    package mutating func step(
        _ event: AgentEvent, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        let effects = try decide(event, at: now)
        return effects + foreignUseNews() + programNews()
    }

    private mutating func decide(
        _ event: AgentEvent, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        tombstones.removeAll { $0.until < now.steady }
        switch event {
        case .hello(let coordinator, let fence, let connection):
            return hello(coordinator, fence, connection)
        case .message(let coordinator, let fence, let message):
            guard sessions.contains(where: { $0.coordinator == coordinator && $0.fence == fence })
            else { return [] }
            return try receive(message, from: coordinator, at: now)
        case .programs(let found):
            programs = found
            return []
        case .disconnected(let connection):
            sessions.removeAll { $0.connection == connection }
            return []
        case .contentMissing(let token, let tree):
            return try contentMissing(token, tree, at: now)
        case .secretsMissing(let token): return try secretsMissing(token, at: now)
        case .contentComplete(let token):
            return update(token) { $0.phase == .staging ? $0.holdsContent = true : () }
        case .staging(let token, let activity):
            return update(token) { $0.phase == .staging ? $0.activity = activity : () }
        case .softwareFound(let token, let packages):
            return update(token) { $0.phase == .staging ? $0.packages = packages : () }
        case .containerFound(let token, let facts):
            return update(token) { $0.phase == .staging ? $0.container = facts : () }
        case .dataFound(let token, let data):
            return update(token) { $0.phase == .staging ? $0.data = data : () }
        case .staged(let token): return try staged(token)
        case .stagingFailed(let token, let verdict, let message):
            // A late word about a staging that was repeated since, or is over.
            guard task(token)?.phase == .staging else { return [] }
            return try abandon(token, TaskResult(verdict: verdict, message: message), at: now)
        case .endpointOpened(let token, let endpoint): return endpointOpened(token, endpoint)
        case .endpointFailed(let token, let message):
            guard task(token)?.phase == .staged else { return [] }
            let result = TaskResult(verdict: .stagingFailed, message: message)
            return try abandon(token, result, at: now)
        case .reached(let answer): return reached(answer)
        case .initReady(let token, let process): return try initReady(token, process, at: now)
        case .launchFailed(let token, let message):
            return try launchFailed(token, message, at: now)
        case .ended(let token, let ending): return try ended(token, ending, at: now)
        case .unkillable(let token): return try unkillable(token)
        case .collected(let token, let outputs): return try collected(token, outputs, at: now)
        case .collectFailed(let token, let message, let mayHeal):
            return try collectFailed(token, message: message, mayHeal: mayHeal, at: now)
        }
    }

    /// What to do after a restart: every task goes on from its last durable step.
    package mutating func recover(at now: Moment) throws(IllegalTransition) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for index in tasks.indices {
            guard let order = tasks[index].order else { continue }
            switch tasks[index].phase {
            case .accepted, .staging, .staged:
                if let stop = tasks[index].stop {
                    // Cancelled at its barrier: it never ran, and the init that waits is ended.
                    let result = TaskResult(
                        verdict: .cancelled, exit: .neverStarted, cause: stop.cause,
                        message: "cancelled before it started")
                    effects.append(commit(.finished(order.token, result, at: now.wall)))
                    effects += dropSecrets(index) + endLeftover(of: index)
                    continue
                }
                tasks[index].mayHaveInit = true
                try advance(index, .stage)
                effects.append(.stage(order))
            case .running:
                effects += [.supervise(order), .release(order.token)]
            case .stopping, .unkillable:
                effects.append(.supervise(order))
                if let stop = tasks[index].stop { effects.append(.stop(order.token, stop)) }
            case .exited:
                try advance(index, .collect)
                effects.append(.collect(order))
            case .collecting: effects.append(.collect(order))
            case .terminal:
                // It may have ended at its barrier, and the agent before it could tell its init.
                if tasks[index].process == nil { effects += endLeftover(of: index) }
            case .dispatching, .starting, .revoked: break
            }
        }
        return effects
    }
}

extension AgentCore {
    func index(of token: StartToken) -> Int? {
        tasks.firstIndex { $0.token == token }
    }

    /// Moves a task and counts its version.
    mutating func advance(_ index: Int, _ event: TaskEvent) throws(IllegalTransition) {
        tasks[index].phase = try tasks[index].phase.next(event)
    }

    /// A report of the task to its coordinator, if that is connected. Each carries a new version.
    mutating func report(_ index: Int) -> [AgentEffect] {
        tasks[index].version += 1
        let coordinator = tasks[index].token.coordinator
        guard let session = sessions.first(where: { $0.coordinator == coordinator }) else {
            return []
        }
        return [.send(session.connection, .report(tasks[index].report))]
    }

    mutating func update(
        _ token: StartToken, _ change: (inout AgentTask) -> Void
    ) -> [AgentEffect] {
        guard let index = index(of: token), !tasks[index].phase.isFinal else { return [] }
        change(&tasks[index])
        return report(index)
    }
}

extension AgentCore {
    /// Whether this is the coordinator's open session.
    package func hasSession(_ coordinator: CoordinatorID, _ fence: Fence) -> Bool {
        sessions.contains { $0.coordinator == coordinator && $0.fence == fence }
    }

    /// Whether a task is on its way, or its outputs are.
    package var isBusy: Bool {
        tasks.contains { !$0.phase.isFinal }
    }
}
