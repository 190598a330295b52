/// Placing queued jobs, and asking where one would go.
extension CoordinatorCore {
    /// Places what fits. A placement and its start order are part of the same turn, and the order
    /// is sent only after the placement is durable.
    mutating func place(_ turn: inout Turn) throws(IllegalTransition) {
        guard !queue.isEmpty else { return }
        let decision = plan(at: turn.now)
        if let again = decision.lookAgainAt {
            let delay = again.milliseconds - turn.now.wall.milliseconds
            wake(turn.now.steady + Milliseconds(delay), &turn)
        }
        let placements = decision.placements
        guard !placements.isEmpty else { return }
        let placed = Set(placements.map(\.job))
        for placement in placements {
            guard let job = jobs[placement.job] else { continue }
            let next = try job.state.next(.place)
            let attempt = AttemptID(job: job.id, number: (job.current?.id.number ?? 0) + 1)
            let tasks = placement.workers.enumerated().map { rank, worker in
                TaskRecord(
                    token: StartToken(
                        coordinator: id, epoch: epoch, task: TaskID(attempt: attempt, rank: rank),
                        nonce: nonce()),
                    worker: worker)
            }
            let labels = labels(of: job)
            change(job.id, &turn) {
                $0.labels = labels
                $0.state = next
                $0.notBefore = nil
                $0.attempts.append(AttemptRecord(id: attempt, tasks: tasks))
                $0.attempts.removeFirst(max(0, $0.attempts.count - JobRecord.keptAttempts))
            }
            for task in tasks {
                reserve(job.spec.resources, on: task.worker)
                send(.start(order(for: task, of: job)), to: task.worker, &turn)
            }
        }
        queue.removeAll { placed.contains($0) }
    }

    private func order(for task: TaskRecord, of job: JobRecord) -> StartOrder {
        let worker = worker(task.worker)?.record
        return StartOrder(
            token: task.token, spec: job.spec, tree: job.inputs.tree, git: job.inputs.git,
            nodeCount: job.spec.nodeCount, waitsForGo: job.spec.gang != nil,
            extraTrees: job.spec.container?.tree.map { [$0] } ?? [], image: job.pinnedImage,
            mounts: job.spec.mounts.compactMap { mount in
                worker?.dataset(mount.dataset).map {
                    PlacedMount(mount: mount, source: $0.path)
                }
            })
    }

    /// Puts a job where its priority and its sequence belong.
    mutating func enqueue(_ id: JobID) {
        guard let job = jobs[id] else { return }
        queue.insert(id, at: place(of: job.spec.priority, job.sequence))
    }

    /// How many queued jobs come before one of this priority and sequence.
    private func place(of priority: Priority, _ sequence: UInt64) -> Int {
        var low = 0
        var high = queue.count
        while low < high {
            let middle = (low + high) / 2
            guard let other = jobs[queue[middle]] else { return middle }
            let isBefore =
                other.spec.priority > priority
                || (other.spec.priority == priority && other.sequence < sequence)
            if isBefore { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Asks for a tick. The interpreter keeps one alarm, at the earliest moment that was asked
    /// for, so later ones are asked for again when that one is over.
    mutating func wake(_ moment: SteadyTime, _ turn: inout Turn) {
        if let alarm, alarm <= moment { return }
        alarm = moment
        turn.act(.wake(moment))
    }

    private func plan(at now: Moment) -> Scheduler.Decision {
        Scheduler.decide(
            queue: queue.lazy.compactMap { ready($0) }, workers: workers, now: now.wall,
            steady: now.steady)
    }

    /// The job as the scheduler sees it, unless it waits for others.
    private func ready(_ id: JobID) -> Scheduler.Candidate? {
        jobs[id]?.waitsFor.isEmpty == true ? candidate(id) : nil
    }

    func candidate(_ id: JobID) -> Scheduler.Candidate? {
        jobs[id].map {
            Scheduler.Candidate(
                id: id, spec: $0.spec, notBefore: $0.notBefore, tree: $0.inputs.tree,
                data: constraints(of: $0))
        }
    }

    /// Where a job of this spec would go if it were submitted now, by rank.
    package func outlook(
        for spec: JobSpec, files: [LabelledFile] = [], at now: WallTime
    ) -> (workers: [WorkerName], waiting: WaitingReason?) {
        var number: UInt64 = 0
        while jobs[JobID(random: number)] != nil { number += 1 }
        let probe = Scheduler.Candidate(
            id: JobID(random: number), spec: spec, notBefore: nil,
            data: constraints(spec, files: files))
        let ahead = queue.prefix(place(of: spec.priority, .max))
        let placements = Scheduler.plan(
            queue: ahead.compactMap { ready($0) } + [probe], workers: workers, now: now)
        if let own = placements.last, own.job == probe.id { return (own.workers, nil) }
        let reason = Scheduler.reason(probe, workers: workers, ahead: ahead.count, now: now)
        if case .worker(let name) = spec.placement { return ([name], reason) }
        return ([], reason)
    }

    /// Why a job waits; `nil` for one that is not queued.
    package func waitingReason(of id: JobID, at now: WallTime) -> WaitingReason? {
        guard let job = jobs[id], job.state == .queued, let candidate = candidate(id),
            let ahead = queue.firstIndex(of: id)
        else { return nil }
        return dependencyReason(of: job)
            ?? Scheduler.reason(candidate, workers: workers, ahead: ahead, now: now)
    }
}
