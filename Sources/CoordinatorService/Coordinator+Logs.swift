internal import JobModel
internal import Ledger
internal import Transfer
internal import Wire

/// A job's log, read from the worker that has it.
extension Coordinator {
    /// Between two tries to read from a worker that is not connected.
    private static let linkPause = Duration.milliseconds(50)
    /// A coordinator or an agent that has just been started is connected within this; a question
    /// that does not wait for output still waits for that.
    private static let linkPatience = Milliseconds.seconds(5)

    /// A page of log records from an offset on; empty if nothing came within the wait.
    func log(
        _ reference: String, rank: Int, from offset: UInt64, limit: Int, wait: Milliseconds
    ) async throws -> LogPage {
        let deadline = SteadyTime.current + wait
        let linkDeadline = SteadyTime.current + Self.linkPatience
        var view = try await read { try $0.view(reference) }
        while true {
            let record = try await read { [id = view.id] in try $0.record(id) }
            try record.check(rank: rank)
            if let task = record.logTask(rank), let link = ports.link(task.worker) {
                let remaining = deadline - SteadyTime.current
                do {
                    return try await link.withBulk { client in
                        try await client.readLog(
                            ReadLog(
                                token: task.token, offset: offset,
                                maximumBytes: min(limit, WireLimits.body), wait: remaining,
                                furtherPages: (limit - 1) / WireLimits.body))
                    }
                } catch let error as ShuntError where error.code == .unreachable {
                    // Whoever follows goes on where it was when the worker is back.
                    if wait.count > 0, SteadyTime.current >= deadline {
                        return LogPage(bytes: [], nextOffset: offset, isComplete: false)
                    }
                    guard wait.count > 0 || SteadyTime.current < linkDeadline else { throw error }
                    try await Task.sleep(for: Self.linkPause)
                    continue
                } catch let error as ShuntError where error.code == .notFound {
                    // One that was given up before it began leaves no log: its end is about to be
                    // told, or was while the question was on its way.
                    view = try await read { try $0.view(reference) }
                    let now = try await read { [id = view.id] in try $0.record(id) }
                    guard !now.state.isTerminal || now.logTask(rank) == nil else { throw error }
                }
            }
            if let worker = record.logTask(rank)?.worker, record.state.isTerminal {
                let isKnown = try await read { $0.core.worker(worker) != nil }
                guard isKnown else { throw Self.gone(view.id, with: worker) }
            }
            let remaining = deadline - SteadyTime.current
            if record.state.isTerminal || remaining.count == 0 {
                return LogPage(
                    bytes: [], nextOffset: offset, isComplete: record.state.isTerminal)
            }
            view = try await job(view.id.text, after: view.version, wait: remaining)
        }
    }

    private static func gone(_ job: JobID, with worker: WorkerName) -> ShuntError {
        ShuntError(
            .notFound, "the output of job `\(job)` is on `\(worker)`, which is no worker any more",
            hint: "shunt worker ls")
    }

    /// Where the last lines of some streams begin; of all where none is named.
    func logTail(
        _ reference: String, rank: Int, lines: Int, streams: Set<LogStream>
    ) async throws -> LogOffset {
        let id = try await read { try $0.ledger.resolve(reference) }
        let record = try await read { try $0.record(id) }
        try record.check(rank: rank)
        guard let task = record.logTask(rank), let link = ports.link(task.worker) else {
            return LogOffset(offset: 0)
        }
        return try await link.withBulk { client in
            try await client.tailLog(task.token, lines: UInt32(lines), streams: streams)
        }
    }
}

extension JobRecord {
    fileprivate func check(rank: Int) throws(ShuntError) {
        guard !(0..<spec.nodeCount).contains(rank) else { return }
        throw ShuntError(
            .usage,
            spec.nodeCount == 1
                ? "job `\(id)` has one node, rank 0"
                : "job `\(id)` has the ranks 0 to \(spec.nodeCount - 1)",
            hint: "shunt inspect \(id)")
    }

    /// The task that writes the job's log, once the agent has it: before that there is nothing to
    /// ask for, and after an end without a start there never will be.
    fileprivate func logTask(_ rank: Int) -> TaskRecord? {
        guard let tasks = current?.tasks, tasks.indices.contains(rank) else { return nil }
        let task = tasks[rank]
        switch task.phase {
        case .dispatching, .revoked: return nil
        // Never released from its barrier: it wrote nothing.
        case .terminal where task.process == nil: return nil
        case .accepted, .staging, .staged, .starting, .running, .stopping, .unkillable, .exited,
            .collecting, .terminal:
            return task
        }
    }
}
