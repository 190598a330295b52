/// What histories went through, to see that the seeds reach what they are meant to.
struct Counters: CustomStringConvertible {
    enum Kind: String, CaseIterable {
        case execs
        case dependencies = "jobs that came after others"
        case gangExecs = "execs in gangs"
        case reachProblems = "tasks that did not reach each other"
        case agentKills = "kills of agents"
        case powerCuts = "power cuts"
        case coordinatorKills = "kills of coordinators"
        case supervisorKills = "kills of supervisors"
        case losses = "lost messages"
        case lateMessages = "messages of sessions that were over"
        case staleHellos = "stale hellos"
        case refusals = "refused starts"
        case requeues = "requeued jobs"
        case revocations = "revoked tasks"
        case pushes = "pushes"
        case handedSecrets = "handings of secrets"
        case brokenTransfers = "broken transfers"
        case storedOutputs = "fetched outputs"
        case succeeded, failed, cancelled, lost
    }

    private var counts = [Int](repeating: 0, count: Kind.allCases.count)

    subscript(kind: Kind) -> Int {
        get { counts[Self.index(of: kind)] }
        set { counts[Self.index(of: kind)] = newValue }
    }

    private static func index(of kind: Kind) -> Int {
        Kind.allCases.firstIndex(of: kind) ?? 0
    }

    static func += (left: inout Counters, right: Counters) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }

    /// What no history met.
    var missing: [Kind] { Kind.allCases.filter { self[$0] == 0 } }

    var description: String {
        Kind.allCases.map { "\(self[$0]) \($0.rawValue)" }.joined(separator: ", ")
    }
}
