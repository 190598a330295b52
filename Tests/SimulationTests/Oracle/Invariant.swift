/// What never happens, whatever is lost, killed or late.
enum Invariant: String, CaseIterable {
    /// Two processes of one job past their barriers at the same time, anywhere.
    case oneLiveAttempt = "one live attempt for a job"
    /// A second process of a job past its barrier, ever.
    case oneExec = "one exec for a job"
    case execNeedsStarted = "no exec without a durable `started`"
    case execNeedsSecrets = "no exec without its secrets"
    /// A placement names a worker for every task of its job.
    case placementWhole = "a placement commits whole or not at all"
    /// No command of a gang begins before all of its tasks are staged, and their meeting durable.
    case gangTogether = "a gang starts together"
    case afterOthers = "no exec before the jobs that it comes after have succeeded"
    /// The tasks of a machine hold no more than it has.
    case resourcesGivenOnce = "resources are given once"
    /// What a client was told to exist does, whatever was restarted.
    case acknowledgedExists = "nothing acknowledged is lost"
    case terminalStays = "terminal never changes"
    case oneJobForAKey = "a client key is one job"
    /// A terminal report is acknowledged, and a start order sent, only once it is committed.
    case commitBeforeActing = "committed before it is acted on"
    /// Agents report only what their journals would say again.
    case durableBeforeSaid = "durable before it is said"
    case noIllegalTransition = "no illegal transition"
    /// A task in one phase has only so much to say.
    case noStorm = "no storm of messages"
    case compactionKeepsState = "a compacted journal folds to the same state"
    /// Once nothing fails any more, everything comes to its end, and nothing is left.
    case settles = "the world settles"
}

struct Violation {
    var invariant: Invariant
    var detail: String
}
