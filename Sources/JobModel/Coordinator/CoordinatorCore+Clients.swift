/// What people ask for.
extension CoordinatorCore {
    mutating func submit(
        _ request: SubmitRequest, random: UInt64, _ reply: RequestID, _ turn: inout Turn
    ) {
        nonces ^= random
        if let known = clientKeys[request.clientKey] {
            turn.act(.reply(reply, .submitted(known)))
            return
        }
        if let error = refusal(of: request) {
            turn.act(.reply(reply, .failed(error)))
            return
        }
        var id = JobID(random: random)
        while jobs[id] != nil { id = JobID(random: nonce()) }
        var job = JobRecord(
            id: id, sequence: nextSequence, request: request, submittedAt: turn.now.wall)
        job.labels = labels(of: job)
        job.waitsFor = pending(request.spec.after)
        insert(job)
        nextSequence += 1
        turn.touch(id)
        turn.act(.reply(reply, .submitted(id)))
    }

    /// What no amount of waiting would mend.
    package func refusal(of request: SubmitRequest) -> ShuntError? {
        if queue.count >= JobLimits.queuedJobs {
            return ShuntError(
                .refused,
                "\(queue.count) jobs are queued, and no more are taken until some of them are "
                    + "cancelled or have begun",
                hint: "shunt ps")
        }
        for name in request.spec.placement.names where workerIndex(name) == nil {
            return unknownWorker(name)
        }
        if let error = refusal(ofDependencies: request.spec.after) { return error }
        let candidate = Scheduler.Candidate(
            id: JobID(random: 0), spec: request.spec, notBefore: nil,
            data: constraints(request.spec, files: request.inputs.labelledFiles))
        if let error = Scheduler.refusal(candidate, workers: workers) { return error }
        if let largest = Scheduler.neverFits(candidate, workers: workers) {
            if request.spec.nodeCount > 1 {
                return ShuntError(
                    .refused,
                    "the job needs \(Scheduler.nodes(of: request.spec)), and the workers that it "
                        + "may use have no room for that, even when they are empty",
                    hint: "shunt worker ls")
            }
            return ShuntError(
                .refused,
                "the job needs \(request.spec.resources), and `\(largest.name)` has "
                    + "\(largest.welcome?.capacity ?? .none) in all",
                hint: "shunt worker ls")
        }
        return nil
    }

    mutating func cancel(
        _ id: JobID, immediately: Bool, _ reply: RequestID, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let job = jobs[id], !job.state.isTerminal else {
            turn.act(.reply(reply, .done))
            return
        }
        turn.act(.reply(reply, .done))
        if job.state == .queued {
            try end(id, .cancel, reason: "cancelled before it started", &turn)
            return
        }
        let standing = job.cancel?.immediately ?? false
        change(id, &turn) { $0.cancel = .init(immediately: immediately || standing) }
        sendCancels(of: id, &turn)
    }

    /// Tells the agents of the current attempt, as far as they are connected.
    func sendCancels(of id: JobID, _ turn: inout Turn) {
        guard let job = jobs[id], let cancel = job.cancel else { return }
        for task in job.current?.tasks ?? [] where !task.phase.isFinal {
            send(.cancel(task.token, immediately: cancel.immediately), to: task.worker, &turn)
        }
    }

    func send(_ message: CoordinatorMessage, to name: WorkerName, _ turn: inout Turn) {
        guard let fence = worker(name)?.fence else { return }
        turn.act(.send(name, fence, message))
    }

    mutating func signal(
        _ id: JobID, _ number: Int32, _ reply: RequestID, _ turn: inout Turn
    ) {
        // Output outruns reports: who has read a job's first line may signal it before its
        // `running` is known here. The agent knows, and lets a signal fall that has no process.
        let tasks = jobs[id]?.current?.tasks.filter { $0.phase.canBeStopped } ?? []
        guard !tasks.isEmpty else {
            let error = ShuntError(
                .refused, "job `\(id)` is not running", hint: "shunt inspect \(id)")
            turn.act(.reply(reply, .failed(error)))
            return
        }
        // A signal is of the moment: it is not kept for a worker that comes back.
        if let cut = tasks.first(where: { worker($0.worker)?.fence == nil }) {
            let error = ShuntError(
                .unreachable,
                "job `\(id)` runs on, and its worker `\(cut.worker)` cannot be reached now; "
                    + "a cancel would be kept for it",
                hint: "shunt cancel \(id)")
            turn.act(.reply(reply, .failed(error)))
            return
        }
        nextSignal += 1
        for task in tasks {
            send(
                .signal(task.token, number: number, sequence: nextSignal), to: task.worker, &turn)
        }
        turn.act(.reply(reply, .done))
    }
}
