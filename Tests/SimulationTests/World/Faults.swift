/// How unkind the world of one seed is. Rates are per thousand; every seed draws its own, and some
/// draw zeros, so that each kind of fault is also met alone.
struct Faults {
    /// Messages that never arrive; the session breaks a while later, for each side at its time.
    var loss = 0
    var duplication = 0
    /// Messages that take seconds: longer than it takes to notice a break and connect again.
    var delay = 0
    /// A process is killed at one of the points of a turn.
    var agentCrash = 0
    var coordinatorCrash = 0
    /// Virtual milliseconds between kills out of the blue; `nil` for none.
    var killInterval: Int?
    /// Of those kills of agents, how many take the machine with them.
    var powerCut = 0
    /// Bulk transfers that break while the control stream lives.
    var bulkBreak = 0
    /// Staging, launching or pushing that fails for good.
    var failure = 0
    /// Outputs that cannot be stored at the first try.
    var collectFailure = 0
    /// Trees that the kernel does not let die at once.
    var unkillable = 0
    /// Replies to clients that get lost.
    var replyLoss = 0

    static let none = Faults()

    init() {}

    init(drawing random: inout SeededRandom) {
        loss = random.pick([0, 5, 20, 60])
        duplication = random.pick([0, 20, 100])
        delay = random.pick([0, 20, 100, 250])
        agentCrash = random.pick([0, 5, 20, 60])
        coordinatorCrash = random.pick([0, 5, 20, 60])
        killInterval = random.pick([nil, 20_000, 7_000, 3_000])
        powerCut = random.pick([0, 200, 600])
        bulkBreak = random.pick([0, 100, 300])
        failure = random.pick([0, 10, 50])
        collectFailure = random.pick([0, 200])
        unkillable = random.pick([0, 200])
        replyLoss = random.pick([0, 50, 300])
    }
}

/// What is taken out of the interpreters, to show that the simulation would notice.
enum Injection: String {
    case none
    /// The agent's interpreter passes on whatever arrives as if it came from the session that is
    /// open now.
    case fenceIgnored = "fence_ignored"
    /// Launching a task also opens its barrier, without waiting for `started`.
    case barrierOpen = "barrier_open"
    /// Agents act first and write their records afterwards.
    case agentActsFirst = "agent_acts_first"
    /// Coordinators act first and commit afterwards.
    case coordinatorActsFirst = "coordinator_acts_first"
}
