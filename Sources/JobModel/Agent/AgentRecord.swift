/// One entry of an agent's journal. What is durable is exactly a sequence of these; folding it
/// gives back the tasks, the fences and nothing else.
package enum AgentRecord: Hashable, Sendable {
    case fenced(CoordinatorID, Fence)
    case accepted(StartOrder, at: WallTime)
    /// A task that was never accepted and never will be.
    case revoked(StartToken)
    /// The barrier may open from here on. No such record: the command provably never ran.
    case started(StartToken, TaskProcess, at: WallTime)
    case stopRequested(StartToken, StopOrder)
    case ended(StartToken, TaskEnding, at: WallTime)
    case finished(StartToken, TaskResult, at: WallTime)
    /// The coordinator has the result; nothing of the task is needed any more but its log.
    case acknowledged(StartToken)
}

/// How a launched task is to be ended.
package struct StopOrder: Hashable, Sendable, Codable {
    package var cause: StopCause
    /// From TERM to KILL; zero kills at once.
    package var grace: Milliseconds

    package init(cause: StopCause, grace: Milliseconds) {
        self.cause = cause
        self.grace = grace
    }
}

/// The supervisor's testimony that a task's tree is gone and its log is complete.
package struct TaskEnding: Hashable, Sendable, Codable {
    package var exit: ExitStatus
    /// Set where the supervisor ended the tree itself, at a time limit, or on request.
    package var cause: StopCause?
    /// Why the command was never executed, in words, where that is known.
    package var problem: String?
    /// What a person should know of a task that has ended otherwise: output that was lost.
    package var warnings: [String]

    package init(
        exit: ExitStatus, cause: StopCause? = nil, problem: String? = nil, warnings: [String] = []
    ) {
        self.exit = exit
        self.cause = cause
        self.problem = problem
        self.warnings = warnings
    }
}
