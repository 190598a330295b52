/// The secrets of jobs, of which the core knows the names. Where the values are is known by the
/// client key of the submission that brought them.
extension CoordinatorCore {
    /// What is said of a job whose secrets are nowhere any more.
    package static let lostSecrets =
        "its secrets are gone: they are kept in memory alone, and this machine has been started "
        + "anew since, or its memory-backed files were cleared; submit the job again"

    mutating func needSecrets(_ token: StartToken, from name: WorkerName, _ turn: inout Turn) {
        guard let index = workerIndex(name), let job = jobs[token.task.job],
            let task = task(token), task.worker == name, task.wantsSecrets,
            !workers[index].handings.contains(token)
        else { return }
        workers[index].handings.append(token)
        turn.act(
            .handSecrets(name, token, names: job.spec.secrets, clientKey: job.clientKey))
    }

    mutating func secretsHanded(
        _ name: WorkerName, _ token: StartToken, _ failure: TransferFailure?, _ turn: inout Turn
    ) {
        guard let index = workerIndex(name), workers[index].handings.contains(token) else {
            return
        }
        workers[index].handings.removeAll { $0 == token }
        switch failure {
        case nil: send(.secretsHanded(token, failure: nil), to: name, &turn)
        case .impossible(let why): send(.secretsHanded(token, failure: why), to: name, &turn)
        case .interrupted:
            // Where the link is down as well, the agent asks again when it is back.
            if workers[index].fence != nil { needSecrets(token, from: name, &turn) }
        }
    }

    /// A job that no worker has taken yet would wait for a place and then fail.
    mutating func secretsLost(_ id: JobID, _ turn: inout Turn) throws(IllegalTransition) {
        guard let job = jobs[id], job.state == .queued, !job.spec.secrets.isEmpty else { return }
        try end(id, .fail, reason: Self.lostSecrets, &turn)
    }
}

extension TaskRecord {
    /// Whether its command has not begun, and may.
    fileprivate var wantsSecrets: Bool { !phase.isFinal && !phase.mayHaveRun }
}
