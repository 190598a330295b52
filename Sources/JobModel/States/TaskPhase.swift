/// Where a task stands. The agent that owns the task moves it; a coordinator mirrors what the
/// agent reports. ``next(_:)`` is the whole machine, and the diagram in `docs/states.md` is
/// checked against it.
package enum TaskPhase: String, Sendable, Codable, CaseIterable {
    /// Placed and durable at the coordinator; the agent has not said that it has it.
    case dispatching
    /// The agent has made the start order durable.
    case accepted
    /// Content and environment are being fetched and built.
    case staging
    /// Everything is in place; a gang waits here for `Go`.
    case staged
    /// Init has been launched and has to reach its barrier.
    case starting
    /// `started` is durable and the barrier is open.
    case running
    /// The tree is being ended: cancel, time limit, preemption, out of memory, or lease.
    case stopping
    /// The kernel does not let the tree die (uninterruptible sleep); it is still watched.
    case unkillable
    /// The tree is gone, the log is drained and synced. CPUs and GPUs are free.
    case exited
    /// Outputs are being compared and stored.
    case collecting
    /// Result and outputs are durable on the worker. Never changes.
    case terminal
    /// The agent's durable word that the task never ran and never will. Never changes.
    case revoked
}

/// What moves a task from one phase to the next.
package enum TaskEvent: String, Sendable, CaseIterable {
    case accept
    case revoke
    case stage
    case stageSucceeded = "stage_succeeded"
    case launch
    case start
    /// A cancel or a limit ends something that has been launched.
    case stop
    case giveUp = "give_up"
    /// The tree is gone and the log is drained, whatever the reason.
    case end
    case collect
    case finish
    /// Ends a task that was never launched: refused, failed or cancelled.
    case abandon
}

/// A message or an event that the machine has no row for: a broken invariant of ours or of a peer.
package struct IllegalTransition: Error, Hashable, Sendable, CustomStringConvertible {
    package var phase: String
    package var event: String

    package init(phase: String, event: String) {
        self.phase = phase
        self.event = event
    }

    package var description: String { "`\(event)` is not possible in `\(phase)`" }
}

extension TaskPhase {
    /// The phase after an event. An event that repeats what has already happened leaves the phase
    /// as it is: late and duplicate messages are normal.
    ///
    /// - Throws: ``IllegalTransition`` for what can only be a defect.
    package func next(_ event: TaskEvent) throws(IllegalTransition) -> TaskPhase {
        switch step(event) {
        case .to(let phase): return phase
        case .repeated: return self
        case .illegal: throw IllegalTransition(phase: rawValue, event: event.rawValue)
        }
    }

    /// What an event does in a phase.
    private enum Step {
        case to(TaskPhase)
        /// It has already happened, or comes after the fact.
        case repeated
        case illegal
    }

    private func step(_ event: TaskEvent) -> Step {
        switch self {
        case .dispatching: Self.fromDispatching(event)
        case .accepted: Self.fromAccepted(event)
        case .staging: Self.fromStaging(event)
        case .staged: Self.fromStaged(event)
        case .starting: Self.fromStarting(event)
        case .running: Self.fromRunning(event)
        case .stopping: Self.fromStopping(event)
        case .unkillable: Self.fromUnkillable(event)
        case .exited: Self.fromExited(event)
        case .collecting: Self.fromCollecting(event)
        case .terminal: Self.fromTerminal(event)
        case .revoked: Self.fromRevoked(event)
        }
    }

    private static func fromDispatching(_ event: TaskEvent) -> Step {
        switch event {
        case .accept: .to(.accepted)
        case .revoke: .to(.revoked)
        case .abandon: .to(.terminal)
        case .stage, .stageSucceeded, .launch, .start, .stop, .giveUp, .end, .collect, .finish:
            .illegal
        }
    }

    private static func fromAccepted(_ event: TaskEvent) -> Step {
        switch event {
        case .stage: .to(.staging)
        case .abandon: .to(.terminal)
        case .accept: .repeated
        case .revoke, .stageSucceeded, .launch, .start, .stop, .giveUp, .end, .collect, .finish:
            .illegal
        }
    }

    private static func fromStaging(_ event: TaskEvent) -> Step {
        switch event {
        case .stage: .to(.staging)
        case .stageSucceeded: .to(.staged)
        case .abandon: .to(.terminal)
        case .accept: .repeated
        case .revoke, .launch, .start, .stop, .giveUp, .end, .collect, .finish: .illegal
        }
    }

    private static func fromStaged(_ event: TaskEvent) -> Step {
        switch event {
        case .stage: .to(.staging)
        case .launch: .to(.starting)
        case .abandon: .to(.terminal)
        case .accept, .stageSucceeded: .repeated
        case .revoke, .start, .stop, .giveUp, .end, .collect, .finish: .illegal
        }
    }

    private static func fromStarting(_ event: TaskEvent) -> Step {
        switch event {
        case .start: .to(.running)
        case .stop: .to(.stopping)
        case .end: .to(.exited)
        case .abandon: .to(.terminal)
        case .accept, .stageSucceeded, .launch: .repeated
        case .revoke, .stage, .giveUp, .collect, .finish: .illegal
        }
    }

    private static func fromRunning(_ event: TaskEvent) -> Step {
        switch event {
        case .stop: .to(.stopping)
        case .end: .to(.exited)
        case .accept, .launch, .start: .repeated
        case .revoke, .stage, .stageSucceeded, .giveUp, .collect, .finish, .abandon: .illegal
        }
    }

    private static func fromStopping(_ event: TaskEvent) -> Step {
        switch event {
        case .giveUp: .to(.unkillable)
        case .end: .to(.exited)
        case .accept, .start, .stop: .repeated
        case .revoke, .stage, .stageSucceeded, .launch, .collect, .finish, .abandon: .illegal
        }
    }

    private static func fromUnkillable(_ event: TaskEvent) -> Step {
        switch event {
        case .end: .to(.exited)
        case .accept, .start, .stop, .giveUp: .repeated
        case .revoke, .stage, .stageSucceeded, .launch, .collect, .finish, .abandon: .illegal
        }
    }

    private static func fromExited(_ event: TaskEvent) -> Step {
        switch event {
        case .collect: .to(.collecting)
        case .accept, .start, .stop, .giveUp, .end: .repeated
        case .revoke, .stage, .stageSucceeded, .launch, .finish, .abandon: .illegal
        }
    }

    private static func fromCollecting(_ event: TaskEvent) -> Step {
        switch event {
        case .finish: .to(.terminal)
        case .accept, .start, .stop, .giveUp, .end, .collect: .repeated
        case .revoke, .stage, .stageSucceeded, .launch, .abandon: .illegal
        }
    }

    private static func fromTerminal(_ event: TaskEvent) -> Step {
        switch event {
        case .accept, .stageSucceeded, .launch, .start, .stop, .giveUp, .end, .collect, .finish,
            .abandon:
            .repeated
        case .revoke, .stage: .illegal
        }
    }

    private static func fromRevoked(_ event: TaskEvent) -> Step {
        switch event {
        case .accept, .revoke, .stageSucceeded, .stop, .abandon: .repeated
        case .stage, .launch, .start, .giveUp, .end, .collect, .finish: .illegal
        }
    }

    /// Whether no message and no event can change the task any more.
    package var isFinal: Bool {
        switch self {
        case .terminal, .revoked: true
        case .dispatching, .accepted, .staging, .staged, .starting, .running, .stopping,
            .unkillable, .exited, .collecting:
            false
        }
    }

    /// Whether the task holds its share of the machine.
    package var holdsResources: Bool {
        switch self {
        case .dispatching, .accepted, .staging, .staged, .starting, .running, .stopping,
            .unkillable:
            true
        case .exited, .collecting, .terminal, .revoked: false
        }
    }

    /// Whether a cancel would begin something: before the end, and not yet being ended. An agent
    /// answers every cancel with a report, so one in any other phase must not lead to a cancel.
    package var canBeStopped: Bool {
        switch self {
        case .dispatching, .accepted, .staging, .staged, .starting, .running: true
        case .stopping, .unkillable, .exited, .collecting, .terminal, .revoked: false
        }
    }

    /// Whether the command may have executed an instruction.
    package var mayHaveRun: Bool {
        switch self {
        case .running, .stopping, .unkillable, .exited, .collecting, .terminal: true
        case .dispatching, .accepted, .staging, .staged, .starting, .revoked: false
        }
    }
}
