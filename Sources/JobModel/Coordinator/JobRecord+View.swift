extension JobRecord {
    /// The code that `shunt run` ends with; `nil` before the job is terminal. A job that did not
    /// succeed never has 0: of a command that ended with it, what failed is Shunt's doing.
    package var exitCode: Int32? {
        guard state.isTerminal else { return nil }
        if state == .succeeded { return 0 }
        let code = current?.decisive?.exit?.shellCode ?? 125
        return code == 0 ? 125 : code
    }

    /// What the job has left: of several tasks counted together, under the tree of the first.
    var outputs: OutputSummary? {
        let all = outputTasks.compactMap { $0.result?.outputs }
        guard var sum = all.first else { return outputTask?.result?.outputs }
        for other in all.dropFirst() {
            sum.fileCount += other.fileCount
            sum.totalSize += other.totalSize
            sum.warnings += other.warnings
        }
        return sum
    }

    /// Whether the current attempt goes on without this machine.
    private var isHandedOver: Bool {
        guard let tasks = current?.tasks else { return false }
        return tasks.allSatisfy { $0.isHandedOver(inGang: spec.gang != nil) }
    }

    /// What a further attempt is held to. Images that come with a job are what they are by their
    /// content.
    var pinnedImage: PinnedImage? {
        guard case .named? = spec.container?.image else { return nil }
        return image
    }

    /// What the API says of the job.
    ///
    /// - Parameters:
    ///   - waiting: why it waits, if it is queued.
    ///   - link: what is wrong with the link to a worker, if anything is.
    ///   - gpus: how many its worker has, as far as that is known.
    package func view(
        waiting: WaitingReason?, link: (WorkerName) -> String? = { _ in nil }, gpus: Int = 0
    ) -> JobView {
        let shown = shownTask(link)
        let lead = outputTask
        let result = current?.decisive
        let isOver = state.isTerminal
        return JobView(
            id: id, name: spec.name, state: state, version: version, phase: shown?.phase,
            activity: isOver ? nil : activity(of: shown),
            waiting: waiting, worker: shown?.worker,
            link: isOver ? nil : shown.flatMap { link($0.worker) },
            attempt: current?.id.number, submittedAt: submittedAt, startedAt: startedAt,
            endedAt: endedAt ?? (state == .active ? lead?.endedAt : nil), exitCode: exitCode,
            exit: result?.exit, cause: result?.cause, reason: reason,
            warnings: (current?.tasks.flatMap { $0.result?.warnings ?? [] } ?? [])
                + gpuWarning(gpus),
            killMethod: lead?.process?.killMethod,
            memoryEnforced: lead?.process?.enforcesMemory, cpuEnforced: lead?.process?.enforcesCPU,
            bytesSent: bytesSent,
            outputs: outputs, outputsFetch: outputsFetch,
            cancelRequested: cancel != nil, verdict: result?.verdict, spec: spec,
            inputs: inputs, handedOver: isOver || isHandedOver,
            packages: lead?.packages, image: lead?.container?.image ?? image,
            gpus: lead?.container?.gpus, data: lead?.data, labels: labels,
            tasks: spec.gang == nil ? nil : current.map { $0.views(link: link) },
            failedRank: current?.failure?.rank)
    }

    /// Whose worker and phase stand for the job's: of a gang a task that cannot be reached, else
    /// the one that is furthest from its end.
    private func shownTask(_ link: (WorkerName) -> String?) -> TaskRecord? {
        let tasks = current?.tasks ?? []
        return tasks.first { !$0.phase.isFinal && link($0.worker) != nil }
            ?? tasks.min { $0.phase.distance < $1.phase.distance }
    }

    /// With the rank, where the others do something else.
    private func activity(of task: TaskRecord?) -> String? {
        guard let task, let count = current?.tasks.count, count > 1 else { return task?.activity }
        let text = task.activity ?? (task.phase == .staged ? "waiting for the others" : nil)
        return text.map { "rank \(task.token.task.rank) on `\(task.worker)`: \($0)" }
    }

    /// Of a container that has none of its worker's.
    private func gpuWarning(_ count: Int) -> [String] {
        guard count > 0, let task = outputTask, task.container?.gpus == ContainerGPUs.none else {
            return []
        }
        let what =
            count == 1
            ? "the GPU of `\(task.worker)` is not in the container"
            : "none of the \(count) GPUs of `\(task.worker)` is in the container"
        return [
            what + ": its engine knows no way to give it one (`nvidia-ctk cdi generate` makes one)"
        ]
    }
}

extension AttemptRecord {
    fileprivate func views(link: (WorkerName) -> String?) -> [TaskView] {
        tasks.enumerated().map { rank, task in
            TaskView(
                rank: rank, worker: task.worker, phase: task.phase, activity: task.activity,
                link: task.phase.isFinal ? nil : link(task.worker),
                address: rendezvous?.addresses[rank], startedAt: task.startedAt,
                endedAt: task.endedAt, exit: task.result?.exit ?? task.exit,
                verdict: task.result?.verdict, reason: task.result?.message,
                outputs: task.result?.outputs)
        }
    }
}

extension TaskPhase {
    /// Steps that lie before its end: counted down.
    fileprivate var distance: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension CoordinatorCore {
    /// What the API shows of a job; `nil` if there is none of that ID.
    package func view(of id: JobID, at now: WallTime) -> JobView? {
        guard let job = jobs[id] else { return nil }
        let worker = job.outputTask.flatMap { self.worker($0.worker) }
        return job.view(
            waiting: waitingReason(of: id, at: now),
            link: { self.worker($0)?.link.trouble(at: now) },
            gpus: worker?.record.facts?.gpus.count ?? 0)
    }

    /// What the API shows of a job that changes no more.
    package func view(settled job: JobRecord) -> JobView {
        let worker = job.outputTask.flatMap { self.worker($0.worker) }
        return job.view(
            waiting: nil, gpus: worker?.record.facts?.gpus.count ?? 0)
    }

    /// What the API shows of all workers.
    package func workerViews(at now: WallTime) -> [WorkerView] {
        workers.map { worker in
            let running = order.count { id in
                jobs[id]?.current?.tasks.contains {
                    $0.worker == worker.name && $0.phase.holdsResources
                } ?? false
            }
            return WorkerView(
                record: worker.record, link: worker.link.trouble(at: now) ?? "connected",
                remedy: worker.link.remedy, connected: worker.link.isConnected,
                welcome: worker.welcome,
                inUse: worker.welcome.map { _ in worker.reserved + worker.foreignUse },
                runningJobs: running)
        }
    }
}

extension LinkState {
    /// What is wrong with the link, for people; `nil` while nothing is.
    package func trouble(at now: WallTime) -> String? {
        switch self {
        case .connected: nil
        case .needsLogin(let since, _, _): "needs login for \(Self.span(since, now))" + because
        case .suspect(let since): "silent for \(Self.span(since, now))"
        case .unreachable(let since, _): "unreachable for \(Self.span(since, now))" + because
        }
    }

    /// The command that mends the link, where one is known.
    package var remedy: String? {
        switch self {
        case .needsLogin(_, _, let remedy): remedy
        case .connected, .suspect, .unreachable: nil
        }
    }

    /// `: why`, where that is known of a link that is down.
    var because: String {
        switch self {
        case .unreachable(_, let reason) where !reason.isEmpty: ": \(reason)"
        case .needsLogin(_, let reason, _) where !reason.isEmpty: ": \(reason)"
        case .connected, .needsLogin, .suspect, .unreachable: ""
        }
    }

    private static func span(_ since: WallTime, _ now: WallTime) -> String {
        let seconds = max(0, now.milliseconds - since.milliseconds) / 1000
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) m" }
        return "\(seconds / 3600) h \(seconds / 60 % 60) m"
    }
}
