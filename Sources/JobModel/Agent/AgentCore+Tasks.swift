/// What staging, init, the supervisor and the collection of outputs say.
extension AgentCore {
    /// Between two tries to store outputs that could not be stored.
    static let collectRetry = Milliseconds.seconds(15)

    /// Content that is missing again each time that it came: somebody takes it away, or the disk
    /// does not keep it.
    static let contentRounds = 16

    mutating func contentMissing(
        _ token: StartToken, _ tree: TreeReference, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .staging else { return [] }
        tasks[index].contentRounds += 1
        guard tasks[index].contentRounds <= Self.contentRounds else {
            let result = TaskResult(
                verdict: .stagingFailed,
                message: "its content came \(Self.contentRounds) times and was not kept: look at "
                    + "the disk of the worker, and at what clears it")
            return try abandon(token, result, at: now)
        }
        tasks[index].awaitedTree = tree
        tasks[index].activity = "receiving content"
        guard let session = sessions.first(where: { $0.coordinator == token.coordinator }) else {
            return []
        }
        return report(index) + [.send(session.connection, .needContent(token, tree))]
    }

    /// Content that has arrived serves the tasks of every coordinator; what one of them cannot
    /// send, another one may have.
    mutating func contentPushed(
        _ tree: TreeReference, from coordinator: CoordinatorID, failure: String?, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for index in tasks.indices {
            guard tasks[index].awaitedTree == tree, tasks[index].phase == .staging,
                let order = tasks[index].order,
                failure == nil || order.token.coordinator == coordinator
            else { continue }
            tasks[index].awaitedTree = nil
            if let failure {
                let result = TaskResult(verdict: .stagingFailed, message: failure)
                effects += try abandon(order.token, result, at: now)
            } else {
                effects.append(.stage(order))
            }
        }
        return effects
    }

    mutating func staged(_ token: StartToken) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .staging else { return [] }
        try advance(index, .stageSucceeded)
        tasks[index].activity = nil
        if tasks[index].mayLaunch { return try launch(index) }
        return [.openEndpoint(token)] + report(index)
    }

    mutating func launch(_ index: Int) throws(IllegalTransition) -> [AgentEffect] {
        guard let order = tasks[index].order else { return [] }
        try advance(index, .launch)
        return [.launch(order, tasks[index].rendezvous)] + report(index)
    }

    mutating func initReady(
        _ token: StartToken, _ process: TaskProcess, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token) else { return [] }
        switch tasks[index].phase {
        case .starting:
            return [
                commit(.started(token, process, at: now.wall)), .release(token),
            ] + report(index)
        case .running: return [.release(token)]
        case .stopping, .unkillable:
            return tasks[index].stop.map { [.stop(token, $0)] } ?? []
        case .dispatching, .accepted, .staging, .staged, .exited, .collecting, .terminal,
            .revoked:
            return []
        }
    }

    mutating func launchFailed(
        _ token: StartToken, _ message: String, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token) else { return [] }
        if tasks[index].phase == .stopping, tasks[index].process == nil {
            return try ended(token, TaskEnding(exit: .neverStarted), at: now)
        }
        guard tasks[index].phase == .starting else { return [] }
        return try abandon(token, TaskResult(verdict: .stagingFailed, message: message), at: now)
    }

    /// Ends a task that was never released.
    mutating func abandon(
        _ token: StartToken, _ result: TaskResult, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), !tasks[index].phase.isFinal else { return [] }
        let wasStaging = tasks[index].phase == .staging
        let wasWaiting =
            tasks[index].phase == .staged && tasks[index].order?.waitsForGo == true
        let leftover = tasks[index].mayHaveInit ? endLeftover(of: index) : []
        _ = try tasks[index].phase.next(.abandon)
        let effect = commit(.finished(token, result, at: now.wall))
        return [effect] + (wasStaging ? [.abortStaging(token)] : [])
            + (wasWaiting ? [.closeEndpoint(token)] : []) + leftover
            + dropSecrets(index) + report(index)
    }

    /// Ends the init of a task that will never be released. Harmless where there is none.
    func endLeftover(of index: Int) -> [AgentEffect] {
        guard let order = tasks[index].order else { return [] }
        let stop = StopOrder(cause: .cancel, grace: Milliseconds(0))
        return [.supervise(order), .stop(order.token, stop)]
    }

    mutating func ended(
        _ token: StartToken, _ ending: TaskEnding, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), let order = tasks[index].order else { return [] }
        switch tasks[index].phase {
        case .starting:
            // The barrier never opened, so nothing ran: the way to a result is the short one.
            let result = TaskResult(
                verdict: .stagingFailed, exit: ending.exit,
                message: ending.problem ?? "init ended before the command was started")
            return try abandon(token, result, at: now)
        case .running, .stopping, .unkillable:
            _ = try tasks[index].phase.next(.end)
            var ending = ending
            // Without `started` the barrier never opened, whatever became of the init behind it.
            if tasks[index].process == nil { ending.exit = .neverStarted }
            let effect = commit(.ended(token, ending, at: now.wall))
            try advance(index, .collect)
            return [effect] + dropSecrets(index) + [.collect(order)] + report(index)
        case .exited, .collecting, .terminal, .revoked: return []
        case .dispatching, .accepted, .staging, .staged:
            throw IllegalTransition(phase: tasks[index].phase.rawValue, event: "end")
        }
    }

    mutating func unkillable(_ token: StartToken) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .stopping else { return [] }
        try advance(index, .giveUp)
        return report(index)
    }

    mutating func collected(
        _ token: StartToken, _ outputs: OutputSummary?, losing: String? = nil, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .collecting,
            let ending = tasks[index].ending
        else { return [] }
        _ = try tasks[index].phase.next(.finish)
        var result = TaskResult(
            ending: ending, stop: tasks[index].stop, outputs: outputs,
            spec: tasks[index].order?.spec)
        if let losing { result.loseOutputs(losing) }
        let effect = commit(.finished(token, result, at: now.wall))
        return [effect] + report(index)
    }

    mutating func collectFailed(
        _ token: StartToken, message: String, mayHeal: Bool, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .collecting,
            let order = tasks[index].order
        else { return [] }
        guard mayHeal else {
            return try collected(
                token, nil, losing: "its outputs could not be collected: \(message)", at: now)
        }
        let job = token.task.job
        tasks[index].activity =
            "outputs cannot be stored yet, and `shunt cancel \(job)` gives them up: \(message)"
        return report(index) + [.collectLater(order, after: Self.collectRetry)]
    }
}

extension TaskResult {
    /// The verdict on a task whose tree has ended.
    init(
        ending: TaskEnding, stop: StopOrder?, outputs: OutputSummary?, spec: JobSpec?
    ) {
        let cause = ending.cause ?? (ending.exit == .neverStarted ? stop?.cause : nil)
        switch (ending.exit, cause) {
        case (.vanished, _):
            self.init(
                verdict: .lost, exit: ending.exit, cause: cause,
                message: ending.problem ?? "init was killed and left no exit record")
        case (_, .cancel?):
            self.init(
                verdict: .cancelled, exit: ending.exit, cause: cause, message: "cancelled")
        case (_, .timeout?):
            self.init(
                verdict: .failed, exit: ending.exit, cause: cause,
                message: "ran longer than its max_duration")
        case (_, .outOfMemory?):
            let limit = spec?.memoryLimit.map { " (\($0))" } ?? ""
            self.init(
                verdict: .failed, exit: ending.exit, cause: cause,
                message: "out of memory: it used more than it asked for\(limit)")
        case (_, .gang?):
            self.init(
                verdict: .cancelled, exit: ending.exit, cause: cause,
                message: "ended, since another task of its gang had failed")
        case (_, .preempt?), (_, .lease?):
            self.init(
                verdict: .failed, exit: ending.exit, cause: cause,
                message: "ended by Shunt: \(cause?.rawValue ?? "")")
        case (.exited(0), nil):
            self.init(verdict: .succeeded, exit: ending.exit)
        case (.exited(let code), nil):
            self.init(
                verdict: .failed, exit: ending.exit, message: "exited with code \(code)")
        case (.signalled(let signal), nil):
            self.init(
                verdict: .failed, exit: ending.exit, message: "killed by signal \(signal)")
        case (.execFailed(let errno), nil):
            self.init(
                verdict: .failed, exit: ending.exit,
                message: ending.problem ?? Self.cannotExecute(spec?.command, errno: errno))
        case (.neverStarted, nil):
            self.init(
                verdict: .stagingFailed, exit: ending.exit,
                message: ending.problem ?? "ended before the command was started")
        }
        self.outputs = outputs
        warnings = ending.warnings
    }

    /// Makes a success without its outputs a failure: nobody gets what the command was run for. Of
    /// another ending it is said beside what there is to say.
    mutating func loseOutputs(_ why: String) {
        switch verdict {
        case .succeeded:
            verdict = .failed
            message = "the command succeeded, and " + why
        case .failed, .stagingFailed, .environmentFailed, .cancelled, .refused, .lost:
            warnings.append(why)
        }
    }

    private static func cannotExecute(_ command: JobSpec.Command?, errno: Int32) -> String {
        let why =
            switch errno {
            case 2, 20: "was not found"
            case 8: "cannot be executed: it is no program, and no script with a `#!` line"
            case 13: "cannot be executed: permission denied"
            default: "cannot be executed (errno \(errno))"
            }
        guard let name = command?.argumentVector.first else { return "the command \(why)" }
        // Debian and its kin have it by that name alone.
        if name == "python", errno == 2 {
            return "the command `python` was not found: outside of an environment many machines "
                + "have `python3` only"
        }
        return "the command `\(name)` \(why)"
    }
}
