/// All that a coordinator keeps of a job: one row of the ledger, replaced whole.
package struct JobRecord: Hashable, Sendable, Codable {
    package let id: JobID
    /// Order of submission within the home, from 1.
    package let sequence: UInt64
    package let clientKey: String
    package let spec: JobSpec
    package let inputs: JobInputs
    package let submittedAt: WallTime
    package internal(set) var state: JobState = .queued
    package internal(set) var version: UInt64 = 1
    package internal(set) var startedAt: WallTime?
    package internal(set) var endedAt: WallTime?
    package internal(set) var cancel: Cancel?
    /// Set while the job is not to be placed again at once.
    package internal(set) var notBefore: WallTime?
    /// The last ones, oldest first; at most ``keptAttempts``.
    package internal(set) var attempts: [AttemptRecord] = []
    package internal(set) var bytesSent = ByteCount.zero
    package internal(set) var outputsFetch = OutputsFetch.none
    /// Why the job ended as it did.
    package internal(set) var reason: String?
    /// What its first attempt that came so far found under the image's name; later ones keep to it.
    package internal(set) var image: PinnedImage?
    /// Absent in the JSON of one that waits for none.
    private var waiting: [JobID]?
    /// What its data is, for ``DataRules``, wherever that is said: in its spec, of what it mounts,
    /// of the job that wrote its files. Its outputs are so too. Ascending.
    package internal(set) var labels: [DataLabel] = []

    package init(
        id: JobID, sequence: UInt64, request: SubmitRequest, submittedAt: WallTime
    ) {
        self.id = id
        self.sequence = sequence
        clientKey = request.clientKey
        spec = request.spec
        inputs = request.inputs
        self.submittedAt = submittedAt
        labels = Set(request.spec.labels + request.inputs.labelledFiles.map(\.label)).sorted()
    }

    /// Those of ``JobSpec/after`` that have not succeeded yet.
    package internal(set) var waitsFor: [JobID] {
        get { waiting ?? [] }
        set { waiting = newValue.isEmpty ? nil : newValue }
    }

    /// Attempts that are kept: a link that flaps must not make a row grow for ever.
    static let keptAttempts = JobLimits.refusedAttempts + 1

    /// A person's wish to end the job.
    package struct Cancel: Hashable, Sendable, Codable {
        package var immediately: Bool
    }

    /// The attempt that counts, and of a single node the task.
    package var current: AttemptRecord? { attempts.last }

    /// What its tasks have left.
    package var outputTrees: [TreeReference] {
        attempts.flatMap { $0.tasks.compactMap { $0.result?.outputs?.tree } }
    }

    enum CodingKeys: String, CodingKey {
        case id
        case sequence
        case clientKey = "client_key"
        case spec
        case inputs
        case submittedAt = "submitted_at"
        case state
        case version
        case startedAt = "started_at"
        case endedAt = "ended_at"
        case cancel
        case notBefore = "not_before"
        case attempts
        case bytesSent = "bytes_sent"
        case outputsFetch = "outputs_fetch"
        case reason
        case image
        case labels
        case waiting = "waits_for"
    }
}

/// One try at running a job.
package struct AttemptRecord: Hashable, Sendable, Codable {
    package let id: AttemptID
    /// By rank.
    package internal(set) var tasks: [TaskRecord]
    /// Of a gang, from the moment on when all of its tasks may start.
    package internal(set) var rendezvous: Rendezvous?
    /// Of a gang: why its tasks are being ended.
    package internal(set) var failure: GangFailure?

    init(id: AttemptID, tasks: [TaskRecord]) {
        self.id = id
        self.tasks = tasks
    }

    package var phase: AttemptPhase { AttemptPhase(folding: tasks.map(\.phase)) }
}

/// What came first of all that went wrong in a gang; what follows from it counts no more.
package struct GangFailure: Hashable, Sendable, Codable {
    package var rank: Int
    /// In words, where it is not the task's own result that says it.
    package var message: String?
}

/// A coordinator's mirror of one task.
package struct TaskRecord: Hashable, Sendable, Codable {
    package let token: StartToken
    package let worker: WorkerName
    package internal(set) var phase: TaskPhase = .dispatching
    package internal(set) var activity: String?
    /// See ``TaskReport/packages``.
    package internal(set) var packages: [String]?
    /// See ``TaskReport/container``.
    package internal(set) var container: ContainerFacts?
    /// See ``TaskReport/data``.
    package internal(set) var data: [DataReport]?
    /// See ``TaskReport/endpoint``.
    package internal(set) var endpoint: GangEndpoint?
    package internal(set) var process: TaskProcess?
    /// See ``TaskReport/exit``.
    package internal(set) var exit: ExitStatus?
    package internal(set) var startedAt: WallTime?
    package internal(set) var endedAt: WallTime?
    package internal(set) var result: TaskResult?
    /// The terminal report was durable here and the agent was told.
    package internal(set) var acknowledged = false
    /// The worker has all that the task needs of this machine.
    package internal(set) var holdsContent = false
    /// Of the last report within the present session.
    var reportVersion: UInt64 = 0

    init(token: StartToken, worker: WorkerName) {
        self.token = token
        self.worker = worker
    }

    enum CodingKeys: String, CodingKey {
        case token
        case worker
        case phase
        case activity
        case packages
        case container
        case data
        case process
        case startedAt = "started_at"
        case endedAt = "ended_at"
        case result
        case acknowledged
    }

    /// Whether the task goes on without this machine; one of a gang does from its start on.
    package func isHandedOver(inGang: Bool) -> Bool {
        switch phase {
        case .dispatching, .revoked: false
        case .accepted, .staging: holdsContent && !inGang
        case .staged: !inGang
        case .starting, .running, .stopping, .unkillable, .exited, .collecting,
            .terminal:
            true
        }
    }
}
