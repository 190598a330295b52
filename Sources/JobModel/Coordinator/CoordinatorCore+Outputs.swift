/// Bringing outputs from the workers into this coordinator's store. Apart from a job's state, and
/// resumable: what has arrived is not sent again.
extension CoordinatorCore {
    /// Failures in a row, while the worker is connected, after which outputs stay where they are
    /// until somebody asks for them.
    static let fetchTries = 5
    /// Before the second try; doubles with each.
    static let firstFetchDelay = Milliseconds.seconds(1)

    /// A fetch that has failed and is tried again.
    struct FetchRetry: Hashable, Sendable {
        var job: JobID
        var failures: Int
        /// `nil` while a try is under way.
        var at: SteadyTime?
    }

    mutating func fetch(_ id: JobID, _ reply: RequestID, _ turn: inout Turn) {
        guard let job = jobs[id] else {
            turn.act(.reply(reply, .done))
            return
        }
        guard job.state.isTerminal else {
            turn.act(
                .reply(
                    reply,
                    .failed(
                        ShuntError(
                            .refused, "job `\(id)` has no outputs before it ends",
                            hint: "shunt wait \(id)"))))
            return
        }
        if let task = job.outputTask, worker(task.worker) == nil, job.outputsFetch != .fetched {
            let error = ShuntError(
                .unreachable,
                "the outputs of job `\(id)` are on `\(task.worker)`, which is no worker any more",
                hint: "shunt worker add \(task.worker)")
            turn.act(.reply(reply, .failed(error)))
            turn.touch(id)
            return
        }
        turn.act(.reply(reply, .done))
        turn.touch(id)
        // Also what was fetched already: the store may have lost some of it since.
        guard job.outputTask?.result?.outputs != nil else { return }
        if job.outputsFetch != .fetching { change(id, &turn) { $0.outputsFetch = .fetching } }
        startFetch(id, &turn)
    }

    /// Begins or repeats a fetch with a fresh count of failures, if the worker is connected.
    mutating func startFetch(_ id: JobID, _ turn: inout Turn) {
        fetchRetries.removeAll { $0.job == id }
        requestFetch(id, &turn)
    }

    private func requestFetch(_ id: JobID, _ turn: inout Turn) {
        guard let task = jobs[id]?.outputTask, let outputs = task.result?.outputs,
            worker(task.worker)?.fence != nil
        else { return }
        turn.act(.fetch(task.worker, id, outputs.tree))
    }

    /// What the worker does not have stays as it is until somebody asks again. But a broken stream
    /// is often seen before the link is known to be down, so a failure is no reason
    /// to give up: while the worker is connected it is tried a few times more, and once when the
    /// worker comes back.
    mutating func fetched(_ id: JobID, failure: TransferFailure?, _ turn: inout Turn) {
        guard let job = jobs[id], job.outputsFetch == .fetching else { return }
        let failures = (fetchRetries.first { $0.job == id }?.failures ?? 0) + 1
        fetchRetries.removeAll { $0.job == id }
        if failure == nil {
            change(id, &turn) { $0.outputsFetch = .fetched }
        } else if case .impossible = failure {
            change(id, &turn) { $0.outputsFetch = .lost }
        } else if let task = job.outputTask, worker(task.worker)?.fence != nil {
            if failures >= Self.fetchTries {
                change(id, &turn) { $0.outputsFetch = .held }
            } else {
                let delay = Milliseconds(Self.firstFetchDelay.count << (failures - 1))
                fetchRetries.append(
                    FetchRetry(job: id, failures: failures, at: turn.now.steady + delay))
            }
        }
    }

    /// Repeats what is due, and asks for a tick for what is not.
    mutating func retryFetches(_ turn: inout Turn) {
        for index in fetchRetries.indices {
            guard let at = fetchRetries[index].at else { continue }
            if at <= turn.now.steady {
                fetchRetries[index].at = nil
                requestFetch(fetchRetries[index].job, &turn)
            } else {
                wake(at, &turn)
            }
        }
    }
}

extension JobRecord {
    /// The task whose outputs are the job's: rank 0 of the last attempt.
    var outputTask: TaskRecord? { current?.tasks.first }
}
