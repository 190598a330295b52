/// The fold of the journal. Every record that a step emits was applied by the same function, so
/// that memory and journal cannot tell different stories.
extension AgentCore {
    /// How long a token is remembered after it is over: far longer than a message can be under way
    /// within one session.
    static let tombstoneLife = Milliseconds.minutes(10)

    /// Makes a record part of the state and hands it back as the effect that makes it durable.
    mutating func commit(_ record: AgentRecord) -> AgentEffect {
        apply(record)
        return .record(record)
    }

    mutating func apply(_ record: AgentRecord) {
        switch record {
        case .fenced(let coordinator, let fence):
            if let index = fences.firstIndex(where: { $0.coordinator == coordinator }) {
                fences[index].fence = fence
            } else {
                fences.append((coordinator, fence))
                fences.sort { $0.coordinator < $1.coordinator }
            }
        case .accepted(let order, _):
            guard index(of: order.token) == nil else { return }
            tasks.append(AgentTask(token: order.token, order: order, phase: .accepted))
        case .revoked(let token):
            guard index(of: token) == nil else { return }
            tasks.append(AgentTask(token: token, order: nil, phase: .revoked))
        case .started(let token, let process, let at):
            change(token) {
                $0.phase = .running
                $0.process = process
                $0.startedAt = at
                $0.activity = nil
            }
        case .stopRequested(let token, let stop):
            change(token) {
                $0.stop = stop
                if $0.phase == .running || $0.phase == .starting { $0.phase = .stopping }
            }
        case .ended(let token, let ending, let at):
            change(token) {
                $0.phase = .exited
                $0.ending = ending
                $0.endedAt = at
            }
        case .finished(let token, let result, let at):
            if index(of: token) == nil {
                tasks.append(AgentTask(token: token, order: nil, phase: .terminal))
            }
            change(token) {
                $0.phase = .terminal
                $0.result = result
                $0.endedAt = $0.endedAt ?? at
                $0.activity = nil
            }
        case .acknowledged(let token):
            tasks.removeAll { $0.token == token }
        }
    }

    private mutating func change(_ token: StartToken, _ body: (inout AgentTask) -> Void) {
        guard let index = index(of: token) else { return }
        body(&tasks[index])
    }

    /// The shortest journal that folds to the present state: what a compaction writes.
    ///
    /// - Parameter acceptedAt: stands in for the times of acceptance, which nothing depends on.
    package func compacted(acceptedAt: WallTime) -> [AgentRecord] {
        var records = fences.map { AgentRecord.fenced($0.coordinator, $0.fence) }
        for task in tasks {
            if let order = task.order { records.append(.accepted(order, at: acceptedAt)) }
            if task.phase == .revoked { records.append(.revoked(task.token)) }
            if let process = task.process, let at = task.startedAt {
                records.append(.started(task.token, process, at: at))
            }
            if let stop = task.stop { records.append(.stopRequested(task.token, stop)) }
            if let ending = task.ending, let at = task.endedAt {
                records.append(.ended(task.token, ending, at: at))
            }
            if let result = task.result {
                records.append(.finished(task.token, result, at: task.endedAt ?? acceptedAt))
            }
        }
        return records
    }
}
