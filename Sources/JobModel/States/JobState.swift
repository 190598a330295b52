/// Where a job stands. Link state is never part of it, and why a queued job waits is derived by
/// the scheduler, never stored.
package enum JobState: String, Sendable, Codable, CaseIterable {
    case queued
    case active
    case succeeded
    case failed
    case cancelled
    case lost

    package var isTerminal: Bool {
        switch self {
        case .queued, .active: false
        case .succeeded, .failed, .cancelled, .lost: true
        }
    }

    /// The state after an event of the job's life.
    ///
    /// - Throws: ``IllegalTransition`` for what can only be a defect; a terminal job never changes.
    package func next(_ event: JobEvent) throws(IllegalTransition) -> JobState {
        switch (self, event) {
        case (.queued, .place): return .active
        case (.queued, .cancel): return .cancelled
        case (.active, .requeue): return .queued
        case (.active, .succeed): return .succeeded
        case (.active, .fail): return .failed
        case (.active, .cancel): return .cancelled
        case (.active, .lose): return .lost
        case (.queued, .fail): return .failed
        case (.queued, .requeue), (.queued, .succeed), (.queued, .lose),
            (.active, .place),
            (.succeeded, .place), (.succeeded, .requeue), (.succeeded, .succeed),
            (.succeeded, .fail), (.succeeded, .cancel), (.succeeded, .lose),
            (.failed, .place), (.failed, .requeue), (.failed, .succeed), (.failed, .fail),
            (.failed, .cancel), (.failed, .lose),
            (.cancelled, .place), (.cancelled, .requeue), (.cancelled, .succeed),
            (.cancelled, .fail), (.cancelled, .cancel), (.cancelled, .lose),
            (.lost, .place), (.lost, .requeue), (.lost, .succeed), (.lost, .fail),
            (.lost, .cancel), (.lost, .lose):
            throw IllegalTransition(phase: rawValue, event: event.rawValue)
        }
    }
}

/// What moves a job.
package enum JobEvent: String, Sendable, CaseIterable {
    /// An attempt is placed and committed.
    case place
    /// The last attempt is over without having run and policy allows another.
    case requeue
    case succeed
    case fail
    case cancel
    case lose
}

/// An attempt is a fold over its tasks; it has no state of its own.
package enum AttemptPhase: String, Sendable, Codable, CaseIterable {
    /// Placed, all or none; until every task is staged.
    case reserved
    case running
    case terminal

    /// - Parameter phases: one for each rank, at least one.
    package init(folding phases: some Collection<TaskPhase>) {
        if phases.allSatisfy(\.isFinal) {
            self = .terminal
        } else if phases.contains(where: \.mayHaveRun) {
            self = .running
        } else {
            self = .reserved
        }
    }
}

/// How a worker can be reached at the moment. Belongs to the worker, shown beside a job's state.
package enum LinkState: Hashable, Sendable {
    case connected
    /// A person is needed: no key that the coordinator has is accepted.
    /// - `remedy`: the command that helps, where one is known.
    case needsLogin(since: WallTime, reason: String, remedy: String?)
    /// Connected, and nothing has been heard for longer than a ping takes.
    case suspect(since: WallTime)
    case unreachable(since: WallTime, reason: String)

    /// The link after a try to connect, or a connection, has ended. The moment since which a worker
    /// is out of reach stays while tries fail.
    func lost(at now: WallTime, reason: String, login: LoginNeed?) -> LinkState {
        let since: WallTime =
            switch self {
            case .connected: now
            case .suspect(let since): since
            case .unreachable(let since, _): since
            case .needsLogin(let since, _, _): since
            }
        guard let login else { return .unreachable(since: since, reason: reason) }
        return .needsLogin(since: since, reason: reason, remedy: login.remedy)
    }

    package var isConnected: Bool {
        switch self {
        case .connected: true
        case .needsLogin, .suspect, .unreachable: false
        }
    }
}

/// A person is needed before a worker can be reached.
package struct LoginNeed: Hashable, Sendable {
    /// The command that helps, where one is known: `ssh-add ~/.ssh/id_ed25519`.
    package var remedy: String?

    package init(remedy: String?) { self.remedy = remedy }
}
