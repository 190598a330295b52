/// What an agent knows about one task. `order` is absent only for a task that was revoked before
/// its start order came.
package struct AgentTask: Hashable, Sendable {
    package let token: StartToken
    package var order: StartOrder?
    package var phase: TaskPhase
    /// Grows with every report of this life of the agent; see ``TaskReport/version``.
    package var version: UInt64 = 0
    package var activity: String?
    package var process: TaskProcess?
    package var startedAt: WallTime?
    package var endedAt: WallTime?
    package var stop: StopOrder?
    package var ending: TaskEnding?
    package var result: TaskResult?
    /// Whether a gang's `Go` has come, or none is needed.
    package var mayLaunch: Bool
    /// What came with it; within this life of the agent.
    package var rendezvous: Rendezvous?
    /// Where it waits for the others of its gang; within this life of the agent.
    package var endpoint: GangEndpoint?
    /// The tree without which it cannot be staged, and that was asked for.
    package var awaitedTree: TreeReference?
    /// Its secrets were asked for, and it cannot be staged without them.
    package var awaitsSecrets = false
    /// How often its content or its secrets were found to be missing, within this life of the
    /// agent.
    package var contentRounds = 0
    /// The tree is in place, within this life of the agent.
    package var holdsContent = false
    /// See ``TaskReport/packages``; within this life of the agent.
    package var packages: [String]?
    /// See ``TaskReport/container``; within this life of the agent.
    package var container: ContainerFacts?
    /// See ``TaskReport/data``; within this life of the agent.
    package var data: [DataReport]?
    package var lastSignalSequence: UInt64 = 0
    /// Not known to be launched, but an earlier life of the agent may have done so: an init may be
    /// waiting at its barrier.
    package var mayHaveInit = false

    package init(token: StartToken, order: StartOrder?, phase: TaskPhase) {
        self.token = token
        self.order = order
        self.phase = phase
        mayLaunch = order.map { !$0.waitsForGo } ?? false
    }

    package var resources: Resources {
        phase.holdsResources ? order?.spec.resources ?? .none : .none
    }

    var hasSecrets: Bool { order?.spec.secrets.isEmpty == false }

    package var report: TaskReport {
        TaskReport(
            token: token, phase: phase, version: version, activity: activity,
            holdsContent: holdsContent, packages: packages, container: container, data: data,
            endpoint: phase == .staged ? endpoint : nil, process: process, exit: ending?.exit,
            startedAt: startedAt, endedAt: endedAt, result: result)
    }
}
