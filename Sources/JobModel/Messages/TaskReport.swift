/// All that an agent has to say about a task, each time it says anything: whole reports with a
/// growing version make loss, repetition and reordering harmless.
package struct TaskReport: Hashable, Sendable {
    package var token: StartToken
    package var phase: TaskPhase
    /// Grows with every change on the agent; a lower or equal one is old news.
    package var version: UInt64
    /// What the agent is doing for the task, for people: `building the environment`.
    package var activity: String?
    /// The task's tree is in place on the worker, which needs nothing more to run it.
    package var holdsContent: Bool
    /// What an environment that was there before holds, a package a line; `nil` for any other.
    package var packages: [String]?
    /// What its container is made of; `nil` without one, and before its image is there.
    package var container: ContainerFacts?
    /// What the task's mounts are; `nil` where it has none, and before they were looked at.
    package var data: [DataReport]?
    /// Of a task of a gang that waits for the others; `nil` before, and from its start on.
    package var endpoint: GangEndpoint?
    package var process: TaskProcess?
    /// How the command ended, before ``result`` says what that means.
    package var exit: ExitStatus?
    package var startedAt: WallTime?
    package var endedAt: WallTime?
    package var result: TaskResult?

    package init(
        token: StartToken, phase: TaskPhase, version: UInt64, activity: String? = nil,
        holdsContent: Bool = false, packages: [String]? = nil,
        container: ContainerFacts? = nil, data: [DataReport]? = nil,
        endpoint: GangEndpoint? = nil, process: TaskProcess? = nil, exit: ExitStatus? = nil,
        startedAt: WallTime? = nil, endedAt: WallTime? = nil,
        result: TaskResult? = nil
    ) {
        self.token = token
        self.phase = phase
        self.version = version
        self.activity = activity
        self.holdsContent = holdsContent
        self.packages = packages
        self.container = container
        self.data = data
        self.endpoint = endpoint
        self.process = process
        self.exit = exit
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.result = result
    }
}
