/// What becomes of a job when one of its tasks is reported on.
extension CoordinatorCore {
    /// Between two tries at placing a job that a worker refused; doubles up to
    /// ``Scheduler/longestBackoff``.
    static let firstBackoff = Milliseconds(500)

    mutating func apply(
        _ report: TaskReport, from name: WorkerName, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let job = jobs[report.token.task.job] else { return }
        guard let known = task(report.token), known.worker == name else {
            // An attempt that this coordinator never made or has long given up: nothing waits for
            // its result.
            let answer: CoordinatorMessage =
                report.phase.isFinal
                ? .acknowledge(report.token) : .cancel(report.token, immediately: true)
            send(answer, to: name, &turn)
            return
        }
        if known.phase.isFinal {
            if report.phase.isFinal {
                acknowledge(known, &turn)
            } else {
                // It was declared lost, and may have been submitted again since.
                send(.cancel(report.token, immediately: true), to: name, &turn)
            }
            return
        }
        guard report.version > known.reportVersion else { return }
        if known.phase.mayHaveRun, !report.phase.mayHaveRun {
            try takenBack(report, from: name, &turn)
            return
        }
        adopt(report, &turn)
        if known.phase.holdsResources, !report.phase.holdsResources {
            release(job.spec.resources, on: name)
        }
        if report.phase.isFinal, let over = task(report.token) {
            acknowledge(over, &turn)
            noteFailure(of: report.token, &turn)
            try attemptAdvanced(job.id, &turn)
        } else if job.cancel != nil, report.phase.canBeStopped {
            sendCancels(of: job.id, &turn)
        } else if job.spec.gang != nil {
            gangAdvanced(report.token, &turn)
        }
    }

    /// An agent does not know any more that the command ran: its journal is not the one it had. A
    /// peer's broken disk must not end this process, and the job must not run again.
    private mutating func takenBack(
        _ report: TaskReport, from name: WorkerName, _ turn: inout Turn
    ) throws(IllegalTransition) {
        if !report.phase.isFinal {
            send(.cancel(report.token, immediately: true), to: name, &turn)
        }
        let result = TaskResult(
            verdict: .lost,
            message: "the worker has forgotten that the command was started: its disk has lost "
                + "what was written")
        try apply(
            TaskReport(
                token: report.token, phase: .terminal, version: report.version,
                endedAt: turn.now.wall, result: result),
            from: name, &turn)
    }

    /// Three reports are worth a commit: what the image's name stands for, which another attempt
    /// may need; that the command may have run, which decides what a worker without memory means
    /// for the job; and the end. The agent says the others again.
    private mutating func adopt(_ report: TaskReport, _ turn: inout Turn) {
        let hadRun = task(report.token)?.phase.mayHaveRun ?? false
        let job = report.token.task.job
        let isPin = report.container != nil && jobs[job]?.image == nil
        let isWorthACommit =
            report.phase.isFinal || (report.phase.mayHaveRun && !hadRun) || isPin
        changeTask(report.token) {
            $0.phase = report.phase
            $0.reportVersion = report.version
            $0.activity = report.activity
            $0.holdsContent = report.holdsContent
            $0.packages = report.packages ?? $0.packages
            $0.container = report.container ?? $0.container
            $0.data = report.data ?? $0.data
            $0.endpoint = report.endpoint
            $0.process = report.process ?? $0.process
            $0.exit = report.exit ?? $0.exit
            $0.startedAt = report.startedAt ?? $0.startedAt
            $0.endedAt = report.endedAt ?? $0.endedAt
            $0.result = report.result ?? $0.result
        }
        change(job, durably: isWorthACommit, &turn) {
            $0.startedAt = $0.startedAt ?? report.startedAt
            $0.image = $0.image ?? report.container?.image
        }
    }

    /// Lets the agent collect a task whose end is part of this turn's commit or of an earlier one.
    private mutating func acknowledge(_ task: TaskRecord, _ turn: inout Turn) {
        guard worker(task.worker)?.fence != nil else { return }
        send(.acknowledge(task.token), to: task.worker, &turn)
        changeTask(task.token) { $0.acknowledged = true }
        turn.touch(task.token.task.job)
    }

    private mutating func attemptAdvanced(
        _ id: JobID, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let job = jobs[id], !job.state.isTerminal, let attempt = job.current,
            attempt.phase == .terminal
        else { return }
        if attempt.neverRan {
            try neverRan(id, because: attempt.decisive?.message, &turn)
            return
        }
        guard let worst = attempt.decisive else { return }
        switch worst.verdict {
        case .succeeded: try end(id, .succeed, reason: nil, &turn)
        case .cancelled, .refused: try end(id, .cancel, reason: worst.message, &turn)
        case .lost: try end(id, .lose, reason: worst.message, &turn)
        case .failed, .stagingFailed, .environmentFailed:
            try end(id, .fail, reason: worst.message, &turn)
        }
    }

    private mutating func neverRan(
        _ id: JobID, because reason: String?, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let job = jobs[id] else { return }
        if job.cancel != nil {
            try end(id, .cancel, reason: "cancelled before it started", &turn)
            return
        }
        let refused = job.attempts.count { $0.tasks.contains { $0.result?.verdict == .refused } }
        if refused >= JobLimits.refusedAttempts {
            let reason = "refused \(refused) times, the last time because it \(reason ?? "")"
            try end(id, .fail, reason: reason, &turn)
            return
        }
        let next = try job.state.next(.requeue)
        let shift = min(7, max(0, refused - 1))
        let delay = min(
            Scheduler.longestBackoff, Milliseconds(Self.firstBackoff.count << shift))
        let now = turn.now.wall
        change(id, &turn) {
            $0.state = next
            $0.notBefore =
                refused == 0 ? nil : WallTime(milliseconds: now.milliseconds + delay.count)
        }
        enqueue(id)
    }

    mutating func end(
        _ id: JobID, _ event: JobEvent, reason: String?, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let job = jobs[id] else { return }
        if job.state == .queued { queue.removeAll { $0 == id } }
        let next = try job.state.next(event)
        var fetch = OutputsFetch.none
        if let outputs = job.outputs, outputs.fileCount > 0 {
            fetch = outputs.totalSize <= job.spec.pullLimit ? .fetching : .held
            if fetch == .fetching { startFetch(id, &turn) }
        }
        let now = turn.now.wall
        change(id, &turn) {
            $0.state = next
            $0.reason = reason
            // A queued job's last attempt was over before the job was.
            $0.endedAt =
                job.state == .queued
                ? now : $0.current?.tasks.compactMap(\.endedAt).max() ?? now
            $0.outputsFetch = fetch
        }
        if !job.spec.secrets.isEmpty { turn.act(.dropSecrets(clientKey: job.clientKey)) }
        try settleDependents(of: id, &turn)
    }
}
