@testable import JobModel

/// An agent's core on a bench: one machine of 4 CPUs and 8 GiB, one open session of
/// ``Sample/coordinator``, and time that stands still unless it is set.
struct AgentBench {
    static let connection = ConnectionID(number: 1)
    static let fence = Fence(epoch: 5, session: 1)
    static let identity = AgentCore.Identity(
        agent: AgentID(high: 0, low: 3), incarnation: Sample.incarnation,
        capacity: Sample.resources(4000, 8), platform: Sample.platform, release: "1")

    var core = AgentCore(identity: Self.identity, records: [])
    var now = Sample.moment(0)
    /// Every record since the beginning, as a journal would have them.
    var journal: [AgentRecord] = []

    init() throws { try hello(Sample.coordinator, Self.fence, Self.connection) }

    @discardableResult
    mutating func step(_ event: AgentEvent) throws -> [AgentEffect] {
        let effects = try core.step(event, at: now)
        journal += effects.records
        return effects
    }

    @discardableResult
    mutating func hello(
        _ coordinator: CoordinatorID, _ fence: Fence, _ connection: ConnectionID
    ) throws -> [AgentEffect] {
        try step(.hello(coordinator, fence, connection))
    }

    /// Something that the coordinator says in its open session.
    @discardableResult
    mutating func hear(_ message: CoordinatorMessage) throws -> [AgentEffect] {
        try step(.message(Sample.coordinator, Self.fence, message))
    }

    func order(
        _ token: StartToken = Sample.token(), _ needs: Resources = .standard,
        waitsForGo: Bool = false
    ) -> StartOrder {
        StartOrder(
            token: token, spec: Sample.spec(needs), tree: Sample.tree(), waitsForGo: waitsForGo)
    }

    func phase(_ token: StartToken = Sample.token()) -> TaskPhase? { core.task(token)?.phase }

    /// Phases through which a task of ``Sample/token(_:attempt:of:)`` goes, in their order.
    static let way: [TaskPhase] = [
        .staging, .starting, .running, .stopping, .unkillable, .collecting, .terminal,
    ]

    /// An agent whose only task stands in one of the phases of ``way``, or waits at `staged`.
    static func standing(
        in phase: TaskPhase, ending: TaskEnding = TaskEnding(exit: .signalled(signal: 15))
    ) throws -> AgentBench {
        var bench = try AgentBench()
        let token = Sample.token()
        try bench.hear(.start(bench.order(token, waitsForGo: phase == .staged)))
        let events: [(TaskPhase, AgentEvent)] = [
            (.staging, .staged(token)),
            (.starting, .initReady(token, Sample.process())),
            (.running, .message(Sample.coordinator, fence, .cancel(token, immediately: false))),
            (.stopping, .unkillable(token)),
            (.unkillable, .ended(token, ending)),
            (.collecting, .collected(token, nil)),
        ]
        for (before, event) in events where bench.phase() == before && before != phase {
            try bench.step(event)
        }
        precondition(bench.phase() == phase, "the bench stands in \(bench.phase()!)")
        return bench
    }
}

extension [AgentEffect] {
    var records: [AgentRecord] {
        compactMap { effect in
            if case .record(let record) = effect { return record }
            return nil
        }
    }

    /// What is reported on the bench's own connection.
    var reports: [TaskReport] {
        compactMap { effect in
            if case .send(AgentBench.connection, .report(let report)) = effect { return report }
            return nil
        }
    }

    /// Everything but records and messages: what touches the machine.
    var deeds: [AgentEffect] {
        filter { effect in
            switch effect {
            case .record, .send, .welcome, .reject, .close: false
            case .stage, .abortStaging, .openEndpoint, .closeEndpoint, .reach, .launch, .release,
                .supervise, .signal, .stop, .collect,
                .collectLater, .dropSecrets, .discard:
                true
            }
        }
    }
}
