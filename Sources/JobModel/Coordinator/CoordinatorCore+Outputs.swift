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
        let gone = job.outputTasks.first { worker($0.worker) == nil }
        if let task = gone, job.outputsFetch != .fetched {
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
        guard !job.outputTasks.isEmpty else { return }
        fetchPlaces[id] = nil
        if job.outputsFetch != .fetching { change(id, &turn) { $0.outputsFetch = .fetching } }
        startFetch(id, &turn)
    }

    /// Begins or repeats a fetch with a fresh count of failures, if the worker is connected.
    mutating func startFetch(_ id: JobID, _ turn: inout Turn) {
        fetchRetries.removeAll { $0.job == id }
        requestFetch(id, &turn)
    }

    /// The task whose files are being fetched; those of several come one after the other.
    func fetchTask(of job: JobRecord) -> TaskRecord? {
        let tasks = job.outputTasks
        let place = fetchPlaces[job.id] ?? 0
        return tasks.indices.contains(place) ? tasks[place] : tasks.first
    }

    private func requestFetch(_ id: JobID, _ turn: inout Turn) {
        guard let task = jobs[id].flatMap({ fetchTask(of: $0) }),
            let outputs = task.result?.outputs,
            worker(task.worker)?.fence != nil
        else { return }
        turn.act(.fetch(task.worker, id, outputs.tree))
    }

    /// What the worker does not have stays as it is until somebody asks again. But a broken stream
    /// is often seen before the link is known to be down, so a failure is no reason
    /// to give up: while the worker is connected it is tried a few times more, and once when the
    /// worker comes back.
    mutating func fetched(
        _ id: JobID, _ tree: TreeReference, failure: TransferFailure?, _ turn: inout Turn
    ) {
        // Of one that was asked for twice the second answer is old news.
        guard let job = jobs[id], job.outputsFetch == .fetching,
            fetchTask(of: job)?.result?.outputs?.tree == tree
        else { return }
        let failures = (fetchRetries.first { $0.job == id }?.failures ?? 0) + 1
        fetchRetries.removeAll { $0.job == id }
        if failure == nil {
            let next = (fetchPlaces[id] ?? 0) + 1
            if next < job.outputTasks.count {
                fetchPlaces[id] = next
                requestFetch(id, &turn)
            } else {
                fetchPlaces[id] = nil
                change(id, &turn) { $0.outputsFetch = .fetched }
            }
        } else if case .impossible = failure {
            change(id, &turn) { $0.outputsFetch = .lost }
        } else if let task = fetchTask(of: job), worker(task.worker)?.fence != nil {
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
    /// Rank 0 of the last attempt, which stands for the job.
    var outputTask: TaskRecord? { current?.tasks.first }

    /// The tasks whose files are the job's outputs, by rank, where they have any.
    var outputTasks: [TaskRecord] {
        let tasks = current?.tasks ?? []
        let meant = spec.gang?.outputsFrom == .all ? tasks[...] : tasks.prefix(1)
        return meant.filter { $0.result?.outputs != nil }
    }
}
