extension JobRecord {
    /// The code that `shunt run` ends with; `nil` before the job is terminal. A job that did not
    /// succeed never has 0: of a command that ended with it, what failed is Shunt's doing.
    package var exitCode: Int32? {
        guard state.isTerminal else { return nil }
        if state == .succeeded { return 0 }
        let code = outputTask?.result?.exit?.shellCode ?? 125
        return code == 0 ? 125 : code
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
    ///   - link: what is wrong with the link to its worker, if anything is.
    ///   - gpus: how many its worker has, as far as that is known.
    package func view(waiting: WaitingReason?, link: String?, gpus: Int = 0) -> JobView {
        let task = outputTask
        return JobView(
            id: id, name: spec.name, state: state, version: version, phase: task?.phase,
            activity: state.isTerminal ? nil : task?.activity,
            waiting: waiting, worker: task?.worker, link: state.isTerminal ? nil : link,
            attempt: current?.id.number, submittedAt: submittedAt, startedAt: startedAt,
            endedAt: endedAt ?? (state == .active ? task?.endedAt : nil), exitCode: exitCode,
            exit: task?.result?.exit,
            cause: task?.result?.cause, reason: reason,
            warnings: (task?.result?.warnings ?? []) + gpuWarning(gpus),
            killMethod: task?.process?.killMethod,
            memoryEnforced: task?.process?.enforcesMemory, cpuEnforced: task?.process?.enforcesCPU,
            bytesSent: bytesSent,
            outputs: task?.result?.outputs, outputsFetch: outputsFetch,
            cancelRequested: cancel != nil, verdict: task?.result?.verdict, spec: spec,
            inputs: inputs, handedOver: state.isTerminal || (task?.isHandedOver ?? false),
            packages: task?.packages, image: task?.container?.image ?? image,
            gpus: task?.container?.gpus, data: task?.data, labels: labels)
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

extension CoordinatorCore {
    /// What the API shows of a job; `nil` if there is none of that ID.
    package func view(of id: JobID, at now: WallTime) -> JobView? {
        guard let job = jobs[id] else { return nil }
        let worker = job.outputTask.flatMap { self.worker($0.worker) }
        return job.view(
            waiting: waitingReason(of: id, at: now), link: worker?.link.trouble(at: now),
            gpus: worker?.record.facts?.gpus.count ?? 0)
    }

    /// What the API shows of a job that changes no more.
    package func view(settled job: JobRecord) -> JobView {
        let worker = job.outputTask.flatMap { self.worker($0.worker) }
        return job.view(
            waiting: nil, link: nil, gpus: worker?.record.facts?.gpus.count ?? 0)
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
