/// What the API says of one task of a gang.
package struct TaskView: Hashable, Sendable, Codable {
    package var rank: Int
    package var worker: WorkerName
    package var phase: TaskPhase
    package var activity: String?
    /// Beside the phase, never in place of it: `unreachable for 3 m`; `nil` while connected.
    package var link: String?
    /// Where the others reach it, once that is known.
    package var address: String?
    package var startedAt: WallTime?
    package var endedAt: WallTime?
    package var exit: ExitStatus?
    package var verdict: TaskResult.Verdict?
    /// Why it ended as it did, in words; `nil` where it succeeded.
    package var reason: String?
    package var outputs: OutputSummary?

    enum CodingKeys: String, CodingKey {
        case rank
        case worker
        case phase
        case activity
        case link
        case address
        case startedAt = "started_at"
        case endedAt = "ended_at"
        case exit
        case verdict
        case reason
        case outputs
    }
}
