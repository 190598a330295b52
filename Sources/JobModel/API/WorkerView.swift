/// `GET /v1/workers`: what the API says of a worker.
package struct WorkerView: Hashable, Sendable, Codable {
    package var name: WorkerName
    /// `connected`, or what is wrong with the link and since when.
    package var link: String
    /// The command that mends the link, where one is known.
    package var remedy: String?
    package var connected: Bool
    package var platform: Platform?
    package var capacity: Resources?
    package var inUse: Resources?
    package var runningJobs: Int
    /// The agent's.
    package var release: String?
    package var agent: AgentID?
    /// `nil` for the machine that the coordinator runs on.
    package var address: WorkerAddress?
    /// The agent's directory there.
    package var directory: String
    package var labels: [WorkerLabel]
    /// What lies there already, by name.
    package var datasets: [Dataset]
    /// What was found when the worker was added last.
    package var facts: WorkerFacts?
    /// What environments are built with there, as its agent said last.
    package var tools: BuildTools?
    /// It takes no new jobs.
    package var drained: Bool

    package init(
        record: WorkerRecord, link: String, remedy: String? = nil, connected: Bool,
        welcome: Welcome?,
        inUse: Resources?, runningJobs: Int
    ) {
        name = record.name
        self.link = link
        self.remedy = remedy
        self.connected = connected
        platform = welcome?.platform ?? record.facts?.platform
        capacity = welcome?.capacity
        self.inUse = inUse
        self.runningJobs = runningJobs
        release = welcome?.release
        agent = record.agent
        address = record.address
        directory = record.directory
        labels = record.labels
        datasets = record.datasets
        facts = record.facts
        tools = welcome?.tools
        drained = record.isDrained
    }

    /// Whether packages can be downloaded there; `nil` where nobody has said so yet.
    package var reachesOut: Bool? { tools?.reachesOut ?? facts?.reachesOut }

    enum CodingKeys: String, CodingKey {
        case name
        case link
        case remedy
        case connected
        case platform
        case capacity
        case inUse = "in_use"
        case runningJobs = "running_jobs"
        case release
        case agent
        case address
        case directory
        case labels
        case datasets
        case facts
        case tools
        case drained
    }
}
