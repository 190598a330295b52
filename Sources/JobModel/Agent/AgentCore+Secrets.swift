/// The secrets of tasks. The core knows their names and whether they are there; the values go by
/// it, from a bulk stream into memory-backed files.
extension AgentCore {
    mutating func secretsMissing(
        _ token: StartToken, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .staging else { return [] }
        tasks[index].contentRounds += 1
        guard tasks[index].contentRounds <= Self.contentRounds else {
            let result = TaskResult(
                verdict: .stagingFailed,
                message: "its secrets came \(Self.contentRounds) times and were not kept: look at "
                    + "what clears the memory-backed files of the worker")
            return try abandon(token, result, at: now)
        }
        tasks[index].awaitsSecrets = true
        tasks[index].activity = "receiving secrets"
        guard let session = sessions.first(where: { $0.coordinator == token.coordinator }) else {
            return []
        }
        return report(index) + [.send(session.connection, .needSecrets(token))]
    }

    mutating func secretsHanded(
        _ token: StartToken, failure: String?, at now: Moment
    ) throws(IllegalTransition) -> [AgentEffect] {
        guard let index = index(of: token), tasks[index].phase == .staging,
            tasks[index].awaitsSecrets, let order = tasks[index].order
        else { return [] }
        tasks[index].awaitsSecrets = false
        if let failure {
            let result = TaskResult(verdict: .stagingFailed, message: failure)
            return try abandon(token, result, at: now)
        }
        return [.stage(order)]
    }

    /// Nothing of the task runs, or ever will.
    func dropSecrets(_ index: Int) -> [AgentEffect] {
        tasks[index].hasSecrets ? [.dropSecrets(tasks[index].token)] : []
    }

    /// Whether a task wants these secrets, and will as long as it is staged.
    package func wantsSecrets(_ token: StartToken, named names: [String]) -> Bool {
        guard let task = task(token), task.order?.spec.secrets == names else { return false }
        return task.phase == .accepted || task.phase == .staging
    }

    /// Tasks whose secrets may be needed yet.
    package var tasksWithSecrets: [StartToken] {
        tasks.filter { task in
            guard task.hasSecrets else { return false }
            switch task.phase {
            case .dispatching, .accepted, .staging, .staged, .starting, .running, .stopping,
                .unkillable:
                return true
            case .exited, .collecting, .terminal, .revoked: return false
            }
        }.map(\.token)
    }
}
