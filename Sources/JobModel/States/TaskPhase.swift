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
    package func next(_ event: TaskEvent) throws -> TaskPhase {
        switch (self, event) {
        case (.dispatching, .accept): return .accepted
        case (.dispatching, .revoke): return .revoked
        case (.accepted, .stage): return .staging
        case (.staging, .stageSucceeded): return .staged
        case (.staged, .launch): return .starting
        case (.starting, .start): return .running
        case (.starting, .stop), (.running, .stop): return .stopping
        case (.stopping, .giveUp): return .unkillable
        case (.starting, .end), (.running, .end), (.stopping, .end), (.unkillable, .end):
            return .exited
        case (.exited, .collect): return .collecting
        case (.collecting, .finish): return .terminal
        case (.dispatching, .abandon), (.accepted, .abandon), (.staging, .abandon),
            (.staged, .abandon), (.starting, .abandon):
            return .terminal

        // An agent that restarts stages again what it had not launched.
        case (.staging, .stage), (.staged, .stage): return .staging

        // What repeats, or comes after the fact, changes nothing.
        case (.accepted, .accept), (.staging, .accept), (.staged, .accept), (.starting, .accept),
            (.running, .accept), (.stopping, .accept), (.unkillable, .accept), (.exited, .accept),
            (.collecting, .accept), (.terminal, .accept), (.revoked, .accept),
            (.revoked, .revoke),
            (.staged, .stageSucceeded), (.starting, .stageSucceeded), (.terminal, .stageSucceeded),
            (.revoked, .stageSucceeded),
            (.starting, .launch), (.running, .launch), (.terminal, .launch),
            (.running, .start), (.stopping, .start), (.unkillable, .start), (.exited, .start),
            (.collecting, .start), (.terminal, .start),
            (.stopping, .stop), (.unkillable, .stop), (.exited, .stop), (.collecting, .stop),
            (.terminal, .stop), (.revoked, .stop),
            (.unkillable, .giveUp), (.exited, .giveUp), (.collecting, .giveUp),
            (.terminal, .giveUp),
            (.exited, .end), (.collecting, .end), (.terminal, .end),
            (.collecting, .collect), (.terminal, .collect),
            (.terminal, .finish),
            (.terminal, .abandon), (.revoked, .abandon):
            return self

        case (.accepted, .revoke), (.staging, .revoke), (.staged, .revoke), (.starting, .revoke),
            (.running, .revoke), (.stopping, .revoke), (.unkillable, .revoke), (.exited, .revoke),
            (.collecting, .revoke), (.terminal, .revoke),
            (.dispatching, .stage), (.starting, .stage), (.running, .stage), (.stopping, .stage),
            (.unkillable, .stage), (.exited, .stage), (.collecting, .stage), (.terminal, .stage),
            (.revoked, .stage),
            (.dispatching, .stageSucceeded), (.accepted, .stageSucceeded),
            (.running, .stageSucceeded), (.stopping, .stageSucceeded),
            (.unkillable, .stageSucceeded), (.exited, .stageSucceeded),
            (.collecting, .stageSucceeded),
            (.dispatching, .launch), (.accepted, .launch), (.staging, .launch),
            (.stopping, .launch), (.unkillable, .launch), (.exited, .launch),
            (.collecting, .launch), (.revoked, .launch),
            (.dispatching, .start), (.accepted, .start), (.staging, .start), (.staged, .start),
            (.revoked, .start),
            (.dispatching, .stop), (.accepted, .stop), (.staging, .stop), (.staged, .stop),
            (.dispatching, .giveUp), (.accepted, .giveUp), (.staging, .giveUp),
            (.staged, .giveUp), (.starting, .giveUp), (.running, .giveUp), (.revoked, .giveUp),
            (.dispatching, .end), (.accepted, .end), (.staging, .end), (.staged, .end),
            (.revoked, .end),
            (.dispatching, .collect), (.accepted, .collect), (.staging, .collect),
            (.staged, .collect), (.starting, .collect), (.running, .collect),
            (.stopping, .collect), (.unkillable, .collect), (.revoked, .collect),
            (.dispatching, .finish), (.accepted, .finish), (.staging, .finish), (.staged, .finish),
            (.starting, .finish), (.running, .finish), (.stopping, .finish),
            (.unkillable, .finish), (.exited, .finish), (.revoked, .finish),
            (.running, .abandon), (.stopping, .abandon), (.unkillable, .abandon),
            (.exited, .abandon), (.collecting, .abandon):
            throw IllegalTransition(phase: rawValue, event: event.rawValue)
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

    /// Whether the command may have executed an instruction.
    package var mayHaveRun: Bool {
        switch self {
        case .running, .stopping, .unkillable, .exited, .collecting, .terminal: true
        case .dispatching, .accepted, .staging, .staged, .starting, .revoked: false
        }
    }
}
