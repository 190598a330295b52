@testable import JobModel

/// What the journal of one machine has ever made durable, by token: what may be said and done.
struct DurableFacts {
    struct Task: OptionSet, Hashable {
        let rawValue: Int
        static let accepted = Task(rawValue: 1)
        static let revoked = Task(rawValue: 2)
        static let started = Task(rawValue: 4)
        static let ended = Task(rawValue: 8)
        static let finished = Task(rawValue: 16)
        static let acknowledged = Task(rawValue: 32)

        var isFinal: Bool { !isDisjoint(with: [.revoked, .finished]) }
    }

    private var tasks: [StartToken: Task] = [:]
    private var fences: [CoordinatorID: Fence] = [:]

    subscript(token: StartToken) -> Task { tasks[token] ?? [] }

    func fence(of coordinator: CoordinatorID) -> Fence? { fences[coordinator] }

    /// Takes up records that have just become durable, in order.
    mutating func add(_ records: [AgentRecord], _ oracle: Oracle) {
        for record in records {
            switch record {
            case .fenced(let coordinator, let fence):
                if let standing = fences[coordinator], fence <= standing {
                    oracle.violate(.durableBeforeSaid, "a fence went from \(standing) to \(fence)")
                }
                fences[coordinator] = fence
            case .accepted(let order, _): add(.accepted, to: order.token, oracle)
            case .revoked(let token): add(.revoked, to: token, oracle)
            case .started(let token, _, _): add(.started, to: token, oracle)
            case .stopRequested: break
            case .ended(let token, _, _): add(.ended, to: token, oracle)
            case .finished(let token, _, _): add(.finished, to: token, oracle)
            case .acknowledged(let token): add(.acknowledged, to: token, oracle)
            }
        }
    }

    private mutating func add(_ fact: Task, to token: StartToken, _ oracle: Oracle) {
        let known = self[token]
        if known.contains(fact) || (known.isFinal && fact != .acknowledged) {
            oracle.violate(.terminalStays, "\(token.task) was \(known), and now \(fact)")
        }
        tasks[token] = known.union(fact)
    }

    /// Whether a report in this phase is covered by what is durable.
    func cover(_ phase: TaskPhase, of token: StartToken) -> Bool {
        let needed: Task =
            switch phase {
            case .dispatching: []
            case .accepted, .staging, .staged, .starting, .stopping, .unkillable: .accepted
            case .running: .started
            case .exited, .collecting: .ended
            case .terminal: .finished
            case .revoked: .revoked
            }
        return self[token].isSuperset(of: needed)
    }
}
