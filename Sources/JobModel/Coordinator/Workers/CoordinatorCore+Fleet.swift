/// Which workers there are.
extension CoordinatorCore {
    /// Adds a worker, or replaces what is known of one.
    mutating func putWorker(
        _ new: WorkerRecord, _ reply: RequestID, _ turn: inout Turn
    ) {
        var record = new
        if let error = refusal(of: record) {
            turn.act(.reply(reply, .failed(error)))
            return
        }
        if let index = workerIndex(record.name) {
            let before = workers[index].record
            // What lies there is declared by itself, and stays.
            record.datasets = before.datasets
            record.isDrained = before.isDrained
            workers[index].record = record
            if before.address != record.address || before.directory != record.directory {
                moved(index, &turn)
            }
        } else {
            workers.append(WorkerState(record: record, since: turn.now.wall))
            workers.sort { $0.name < $1.name }
            for job in order.compactMap({ jobs[$0] }) {
                for task in job.current?.tasks ?? []
                where task.worker == record.name && task.phase.holdsResources {
                    reserve(job.spec.resources, on: record.name)
                }
            }
        }
        turn.act(.commitWorker(record))
        turn.act(.link(record))
        turn.act(.reply(reply, .done))
        showQueued(&turn)
    }

    /// Of any worker, this machine among them.
    mutating func drain(
        _ name: WorkerName, _ drains: Bool, _ reply: RequestID, _ turn: inout Turn
    ) {
        guard let index = workerIndex(name) else {
            turn.act(.reply(reply, .failed(unknownWorker(name))))
            return
        }
        workers[index].record.isDrained = drains
        turn.act(.commitWorker(workers[index].record))
        turn.act(.reply(reply, .done))
        showQueued(&turn)
    }

    private func refusal(of record: WorkerRecord) -> ShuntError? {
        if record.name == .local || record.address == nil {
            return ShuntError(
                .usage, "`local` is this machine; another one needs a name and an address",
                hint: "shunt worker add gpu-1 user@host")
        }
        if workerIndex(record.name) == nil, workers.count >= JobLimits.workers {
            return ShuntError(
                .refused, "\(workers.count) workers are known, and no more are taken",
                hint: "shunt worker ls")
        }
        return refusal(ofAgentIn: record)
    }

    /// One agent is one worker: under two names its links would drive each other away. And jobs
    /// that are not over stay with the agent that has them.
    private func refusal(ofAgentIn record: WorkerRecord) -> ShuntError? {
        if let other = workers.first(where: { other in
            other.name != record.name && other.record.agent != nil
                && other.record.agent == record.agent
        }) {
            return ShuntError(
                .refused,
                "`\(record.name)` is what `\(other.name)` is already: the agent in "
                    + "`\(record.directory)`",
                hint: "shunt worker add \(record.name) \(record.address.map { "\($0) " } ?? "")"
                    + "--dir \(record.directory)-2")
        }
        guard let known = worker(record.name)?.record.agent, known != record.agent else {
            return nil
        }
        let live = liveJobs(on: record.name)
        guard !live.isEmpty else { return nil }
        let list = live.prefix(5).map(\.text).joined(separator: " ")
        return ShuntError(
            .refused,
            "`\(record.name)` has jobs that are not over with another agent than the one there: "
                + "\(list)",
            hint: "shunt wait \(list)")
    }

    /// The link leads elsewhere from now on; the one before it ends unheard.
    private mutating func moved(_ index: Int, _ turn: inout Turn) {
        workers[index].session = nextSession + 1
        nextSession += 2
        workers[index].fence = nil
        workers[index].pushes = []
        workers[index].handings = []
        workers[index].forgetLocality()
        workers[index].link = .unreachable(since: turn.now.wall, reason: "")
        showTasks(on: workers[index].name, &turn)
    }

    /// - Parameter declaresLost: a person says that what ran there will never be heard of again.
    mutating func removeWorker(
        _ name: WorkerName, declaresLost: Bool, _ reply: RequestID, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard name != .local, let state = worker(name) else {
            let error =
                name == .local
                ? ShuntError(.refused, "`local` is this machine", hint: "shunt worker ls")
                : unknownWorker(name)
            turn.act(.reply(reply, .failed(error)))
            return
        }
        let live = liveJobs(on: name)
        if !live.isEmpty, !declaresLost {
            turn.act(.reply(reply, .failed(Self.inUse(state, by: live))))
            return
        }
        let waiting = queue.filter { jobs[$0]?.spec.placement == .worker(name) }
        if !waiting.isEmpty, !declaresLost {
            let list = waiting.prefix(5).map(\.text).joined(separator: " ")
            let error = ShuntError(
                .refused, "jobs wait for `\(name)` and for no other worker: \(list)",
                hint: "shunt cancel \(list)")
            turn.act(.reply(reply, .failed(error)))
            return
        }
        for id in live { try declareLost(id, on: name, &turn) }
        for id in waiting {
            try end(id, .cancel, reason: "its worker `\(name)` was removed", &turn)
        }
        for id in order where jobs[id]?.outputsFetch == .fetching {
            guard jobs[id]?.outputTasks.contains(where: { $0.worker == name }) == true
            else { continue }
            change(id, &turn) { $0.outputsFetch = .held }
        }
        workers.removeAll { $0.name == name }
        turn.act(.deleteWorker(name))
        turn.act(.unlink(name))
        turn.act(.reply(reply, .done))
        showQueued(&turn)
    }

    private static func inUse(_ state: WorkerState, by live: [JobID]) -> ShuntError {
        let list = live.prefix(5).map(\.text).joined(separator: " ")
        let more = live.count > 5 ? " and \(live.count - 5) more" : ""
        return ShuntError(
            .refused,
            "`\(state.name)` has jobs that are not over: \(list)\(more)"
                + (state.fence == nil
                    ? "; it cannot be reached, and `--lost` gives them up" : ""),
            hint: state.fence == nil
                ? "shunt worker rm \(state.name) --lost" : "shunt cancel \(list)")
    }

    private mutating func declareLost(
        _ id: JobID, on name: WorkerName, _ turn: inout Turn
    ) throws(IllegalTransition) {
        for task in jobs[id]?.current?.tasks ?? [] where task.worker == name {
            guard !task.phase.isFinal else {
                changeTask(task.token) { $0.acknowledged = true }
                turn.touch(id)
                continue
            }
            let result = TaskResult(
                verdict: .lost, message: "its worker `\(name)` was removed and declared lost")
            try apply(
                TaskReport(
                    token: task.token, phase: .terminal, version: .max,
                    endedAt: turn.now.wall, result: result),
                from: name, &turn)
            // Nobody is left to be told.
            changeTask(task.token) { $0.acknowledged = true }
        }
    }

    /// Jobs with a task there whose end is not known and acknowledged.
    private func liveJobs(on name: WorkerName) -> [JobID] {
        order.filter { id in
            jobs[id]?.attempts.contains { attempt in
                attempt.tasks.contains { $0.worker == name && !$0.acknowledged }
            } ?? false
        }
    }

    func hasLiveTasks(on name: WorkerName) -> Bool { !liveJobs(on: name).isEmpty }

    /// What is answered where a name means no worker.
    package func unknownWorker(_ name: WorkerName) -> ShuntError {
        let known = workers.map { "`\($0.name)`" }.joined(separator: ", ")
        return ShuntError(
            .notFound, "there is no worker `\(name)`; there is \(known)",
            hint: "shunt worker ls")
    }

    /// Those that wait may have another reason now.
    func showQueued(_ turn: inout Turn) {
        for id in queue { turn.act(.changed(id)) }
    }
}

extension CoordinatorCore {
    /// Whether the agent that answers is the one that has the worker's tasks. Another one behind
    /// the same address knows nothing of them, and its silence about them would be no evidence.
    mutating func recognizes(
        _ welcome: Welcome, at index: Int, _ fence: Fence, _ turn: inout Turn
    ) -> Bool {
        let record = workers[index].record
        // What answers on this machine's own socket is this machine.
        guard record.address != nil else { return true }
        if let other = workers.first(where: {
            $0.name != record.name && $0.record.agent == welcome.agent
        }) {
            turn.act(
                .breakLink(
                    record.name, fence, reason: "the agent there is that of `\(other.name)`"))
            return false
        }
        guard record.agent != welcome.agent else { return true }
        if record.agent != nil, hasLiveTasks(on: record.name) {
            turn.act(
                .breakLink(
                    record.name, fence,
                    reason: "another agent answers there than the one that has its jobs; "
                        + "`shunt worker rm \(record.name) --lost` gives them up"))
            return false
        }
        workers[index].record.agent = welcome.agent
        turn.act(.commitWorker(workers[index].record))
        return true
    }

    /// Nothing was heard of a worker for longer than a ping takes.
    mutating func silent(_ name: WorkerName, _ fence: Fence, since: WallTime, _ turn: inout Turn) {
        guard let index = workerIndex(name), workers[index].fence == fence,
            workers[index].link == .connected
        else { return }
        workers[index].link = .suspect(since: since)
        showTasks(on: name, &turn)
        showQueued(&turn)
    }

    /// Something was heard of a worker that had been silent.
    mutating func heard(_ index: Int, _ turn: inout Turn) {
        guard case .suspect = workers[index].link else { return }
        workers[index].link = .connected
        showTasks(on: workers[index].name, &turn)
        showQueued(&turn)
    }

    /// Jobs whose worker's link has changed look different from outside.
    func showTasks(on name: WorkerName, _ turn: inout Turn) {
        for id in order where hasTask(id, on: name) { turn.act(.changed(id)) }
    }
}
