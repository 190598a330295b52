/// Which workers there are.
extension CoordinatorCore {
    /// Adds a worker, or replaces what is known of one.
    mutating func putWorker(
        _ record: WorkerRecord, _ reply: RequestID, _ turn: inout Turn
    ) {
        if let error = refusal(of: record) {
            turn.act(.reply(reply, .failed(error)))
            return
        }
        var record = record
        if let index = workerIndex(record.name) {
            // While tasks live there, only the agent that has them is taken for this worker.
            record.agent = hasLiveTasks(on: record.name) ? workers[index].record.agent : nil
            workers[index].record = record
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
        return nil
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
        for id in live { try declareLost(id, on: name, &turn) }
        for id in order where jobs[id]?.outputsFetch == .fetching {
            guard jobs[id]?.outputTask?.worker == name else { continue }
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
        guard record.address != nil, record.agent != welcome.agent else { return true }
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
