@testable import JobModel

/// Supervisor, init and tree of one task on a virtual machine. Outlives agents; a power cut ends it
/// without a record.
final class VirtualProcess {
    enum State: String {
        /// Forked, not yet at the barrier.
        case launching
        case atBarrier
        /// Past the barrier: the command has executed.
        case running
        /// The tree is gone.
        case ended
    }

    let order: StartOrder
    let process: TaskProcess
    var state = State.launching
    /// The exit record; `nil` while it lives, and for ever if the power was cut.
    var ending: TaskEnding?
    var stop: StopOrder?
    var isUnkillable = false
    /// Without a supervisor nothing is stopped, and nobody says that the tree has ended.
    var isSupervised = true

    init(order: StartOrder, process: TaskProcess) {
        self.order = order
        self.process = process
    }

    var token: StartToken { order.token }
    var lives: Bool { state != .ended }
}

/// What of an agent's journal has reached the disk.
struct VirtualJournal {
    private(set) var records: [AgentRecord] = []
    private(set) var durableCount = 0

    mutating func append(_ more: [AgentRecord]) { records += more }

    /// - Returns: the records that were not durable before.
    mutating func sync() -> [AgentRecord] {
        defer { durableCount = records.count }
        return Array(records[durableCount...])
    }

    /// A crash: of what was not yet durable, only the first `kept` records survive.
    mutating func crash(keeping kept: Int) {
        records.removeLast(max(0, records.count - durableCount - kept))
    }

    var undurableCount: Int { records.count - durableCount }

    mutating func replace(with compacted: [AgentRecord]) {
        records = compacted
        durableCount = compacted.count
    }
}
