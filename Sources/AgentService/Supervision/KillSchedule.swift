internal import JobModel

/// When a supervisor ends a tree itself, after it has told init to kill it and something is left.
/// Init does so at once unless the job has stopped it, or has written into its FIFO so that it
/// hears nothing; and what the kernel holds neither of them can end. Pure: time comes in as a
/// value.
struct KillSchedule: Hashable {
    /// When init was told.
    let since: SteadyTime
    /// When it is due to look at what is left.
    private(set) var next: SteadyTime
    private var pause = Milliseconds.seconds(1)

    private static let longestPause = Milliseconds.seconds(30)
    /// What lives then is named as init would name it.
    private static let namedAfter = Milliseconds.seconds(6)
    /// An init that is stopped again and again is given up.
    private static let givenUpAfter = Milliseconds.seconds(12)

    init(since: SteadyTime) {
        self.since = since
        next = since + pause
    }

    /// Whether it is time to look; each time the next one is further away.
    mutating func isDue(at now: SteadyTime) -> Bool {
        guard now >= next else { return false }
        next = now + pause
        pause = min(Milliseconds(pause.count * 2), Self.longestPause)
        return true
    }

    func namesSurvivors(at now: SteadyTime) -> Bool { now >= since + Self.namedAfter }

    func givesInitUp(at now: SteadyTime) -> Bool { now >= since + Self.givenUpAfter }
}
