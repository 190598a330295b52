/// What the API says of a job: `shunt inspect -o json` prints exactly this.
package struct JobView: Hashable, Sendable, Codable {
    package var id: JobID
    package var name: JobName?
    package var state: JobState
    /// Grows with every change of this job; long polls wait for a higher one.
    package var version: UInt64
    /// Of the latest attempt; `nil` while the job is queued for the first time.
    package var phase: TaskPhase?
    /// What is being done for the job: `building the environment`, `sending 12 MiB`.
    package var activity: String?
    package var waiting: WaitingReason?
    package var worker: WorkerName?
    /// Beside the state, never in place of it: `unreachable for 3 m`; `nil` while connected.
    package var link: String?
    package var attempt: Int?
    package var submittedAt: WallTime
    package var startedAt: WallTime?
    package var endedAt: WallTime?
    /// The code that `shunt run` ends with once the job is terminal.
    package var exitCode: Int32?
    package var exit: ExitStatus?
    package var cause: StopCause?
    /// Why the job ended as it did, in words; `nil` where it succeeded.
    package var reason: String?
    /// What a person should know besides: output that was lost, for one.
    package var warnings: [String]
    package var killMethod: KillMethod?
    /// Whether the worker holds the job to what it asked for; `nil` before it begins, and where it
    /// asked for no limit.
    package var memoryEnforced: Bool?
    package var cpuEnforced: Bool?
    package var bytesSent: ByteCount
    package var outputs: OutputSummary?
    package var outputsFetch: OutputsFetch
    package var cancelRequested: Bool
    package var verdict: TaskResult.Verdict?
    package var spec: JobSpec
    package var inputs: JobInputs
    /// The worker has all that it needs: this machine may sleep, or be gone, and the job runs on.
    package var handedOver: Bool
    /// See ``TaskReport/packages``.
    package var packages: [String]?
    /// What the name of the job's image stands for, once that is known.
    package var image: PinnedImage?
    /// What its container has of the worker's GPUs; `nil` without one.
    package var gpus: ContainerGPUs?
    /// See ``TaskReport/data``.
    package var data: [DataReport]?
    /// See ``JobRecord/labels``.
    package var labels: [DataLabel]
    /// Of a gang, by rank, once it is placed; `nil` of any other job.
    package var tasks: [TaskView]?
    /// Of a gang: the rank whose failure ended it.
    package var failedRank: Int?

    package init(
        id: JobID, name: JobName?, state: JobState, version: UInt64, phase: TaskPhase? = nil,
        activity: String? = nil, waiting: WaitingReason? = nil, worker: WorkerName? = nil,
        link: String? = nil, attempt: Int? = nil, submittedAt: WallTime,
        startedAt: WallTime? = nil, endedAt: WallTime? = nil, exitCode: Int32? = nil,
        exit: ExitStatus? = nil, cause: StopCause? = nil, reason: String? = nil,
        warnings: [String] = [], killMethod: KillMethod? = nil,
        memoryEnforced: Bool? = nil, cpuEnforced: Bool? = nil, bytesSent: ByteCount = .zero,
        outputs: OutputSummary? = nil, outputsFetch: OutputsFetch = .none,
        cancelRequested: Bool = false, verdict: TaskResult.Verdict? = nil, spec: JobSpec,
        inputs: JobInputs, handedOver: Bool = false, packages: [String]? = nil,
        image: PinnedImage? = nil, gpus: ContainerGPUs? = nil,
        data: [DataReport]? = nil, labels: [DataLabel] = [], tasks: [TaskView]? = nil,
        failedRank: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.version = version
        self.phase = phase
        self.activity = activity
        self.waiting = waiting
        self.worker = worker
        self.link = link
        self.attempt = attempt
        self.submittedAt = submittedAt
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.exitCode = exitCode
        self.exit = exit
        self.cause = cause
        self.reason = reason
        self.warnings = warnings
        self.killMethod = killMethod
        self.memoryEnforced = memoryEnforced
        self.cpuEnforced = cpuEnforced
        self.bytesSent = bytesSent
        self.outputs = outputs
        self.outputsFetch = outputsFetch
        self.cancelRequested = cancelRequested
        self.verdict = verdict
        self.spec = spec
        self.inputs = inputs
        self.handedOver = handedOver
        self.packages = packages
        self.image = image
        self.gpus = gpus
        self.data = data
        self.labels = labels
        self.tasks = tasks
        self.failedRank = failedRank
    }

    /// Whether staging failed, so that nothing of the command ever ran.
    package var neverBegan: Bool { verdict == .stagingFailed && startedAt == nil }

    enum CodingKeys: String, CodingKey {
        case id
        case name
        case state
        case version
        case phase
        case activity
        case waiting
        case worker
        case link
        case attempt
        case submittedAt = "submitted_at"
        case startedAt = "started_at"
        case endedAt = "ended_at"
        case exitCode = "exit_code"
        case exit
        case cause
        case reason
        case warnings
        case killMethod = "kill_method"
        case memoryEnforced = "memory_enforced"
        case cpuEnforced = "cpu_enforced"
        case bytesSent = "bytes_sent"
        case outputs
        case outputsFetch = "outputs_fetch"
        case cancelRequested = "cancel_requested"
        case verdict
        case spec
        case inputs
        case packages
        case image
        case gpus
        case data
        case labels
        case tasks
        case failedRank = "failed_rank"
        case handedOver = "handed_over"
    }
}

/// Whether the outputs of a terminal job are in the coordinator's store. Apart from the job's
/// state, resumable, and never a reason to change it.
package enum OutputsFetch: String, Sendable, Codable, CaseIterable {
    /// There are none, or nobody has asked.
    case none
    /// Above the pull limit: pinned on the worker until `shunt pull`.
    case held
    case fetching
    case fetched
    /// The worker does not have all of them any more, and neither has the coordinator.
    case lost
}

/// `GET /v1/status`.
package struct CoordinatorStatus: Hashable, Sendable, Codable {
    package var id: CoordinatorID
    package var epoch: UInt64
    package var release: String
    package var pid: Int32
    package var startedAt: WallTime
    package var home: String
    package var queuedJobs: Int
    package var activeJobs: Int

    package init(
        id: CoordinatorID, epoch: UInt64, release: String, pid: Int32, startedAt: WallTime,
        home: String, queuedJobs: Int, activeJobs: Int
    ) {
        self.id = id
        self.epoch = epoch
        self.release = release
        self.pid = pid
        self.startedAt = startedAt
        self.home = home
        self.queuedJobs = queuedJobs
        self.activeJobs = activeJobs
    }

    enum CodingKeys: String, CodingKey {
        case id
        case epoch
        case release
        case pid
        case startedAt = "started_at"
        case home
        case queuedJobs = "queued_jobs"
        case activeJobs = "active_jobs"
    }
}
