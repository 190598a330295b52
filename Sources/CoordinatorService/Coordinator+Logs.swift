internal import JobModel
internal import Ledger
internal import Transfer
internal import Wire

/// A job's log, read from the worker that has it.
extension Coordinator {
    /// Between two tries to read from a worker that is not connected.
    private static let linkPause = Duration.milliseconds(100)

    /// A page of log records from an offset on; empty if nothing came within the wait.
    func log(
        _ reference: String, from offset: UInt64, limit: Int, wait: Milliseconds
    ) async throws -> LogPage {
        let deadline = SteadyTime.current + wait
        var view = try await read { try $0.view(reference) }
        while true {
            let record = try await read { [id = view.id] in try $0.record(id) }
            if let task = record.logTask, let link = ports.link(task.worker) {
                let remaining = deadline - SteadyTime.current
                do {
                    return try await link.withBulk { client in
                        try await client.readLog(
                            ReadLog(
                                token: task.token, offset: offset, maximumBytes: limit,
                                wait: remaining))
                    }
                } catch let error as ShuntError where error.code == .unreachable {
                    // Whoever follows goes on where it was when the worker is back.
                    guard wait.count > 0 else { throw error }
                    guard SteadyTime.current < deadline else {
                        return LogPage(bytes: [], nextOffset: offset, isComplete: false)
                    }
                    try await Task.sleep(for: Self.linkPause)
                    continue
                }
            }
            let remaining = deadline - SteadyTime.current
            if record.state.isTerminal || remaining.count == 0 {
                return LogPage(
                    bytes: [], nextOffset: offset, isComplete: record.state.isTerminal)
            }
            view = try await job(view.id.text, after: view.version, wait: remaining)
        }
    }

    /// The offset from which the last lines begin.
    func logTail(_ reference: String, lines: Int) async throws -> UInt64 {
        let id = try await read { try $0.ledger.resolve(reference) }
        let record = try await read { try $0.record(id) }
        guard let task = record.logTask, let link = ports.link(task.worker) else { return 0 }
        return try await link.withBulk { client in
            try await client.tailLog(task.token, lines: UInt32(lines))
        }
    }
}

extension JobRecord {
    /// The task that writes the job's log, once the agent has it: before that there is nothing to
    /// ask for, and after an end without a start there never will be.
    fileprivate var logTask: TaskRecord? {
        guard let task = current?.tasks.first else { return nil }
        switch task.phase {
        case .dispatching, .revoked: return nil
        case .terminal where task.result?.verdict == .refused: return nil
        case .accepted, .staging, .staged, .starting, .running, .stopping, .unkillable, .exited,
            .collecting, .terminal:
            return task
        }
    }
}
