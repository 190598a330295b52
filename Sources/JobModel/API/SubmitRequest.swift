/// `POST /v1/jobs`. Everything that the job needs and the coordinator lacks is in its store before
/// this is sent.
package struct SubmitRequest: Hashable, Sendable, Codable {
    /// Chosen by the client, 1 … 64 bytes: submitting again under one key gives the same job.
    package var clientKey: String
    package var spec: JobSpec
    package var inputs: JobInputs
    /// Whether a transfer above ``JobLimits/unconfirmedTransfer`` was agreed to.
    package var confirmed: Bool
    /// In the order of ``JobSpec/secrets``. They are put where only memory holds them before the
    /// job is decided on, and are no part of what the core sees: `nil` there.
    package var secrets: [Secret]?

    package init(
        clientKey: String, spec: JobSpec, inputs: JobInputs, confirmed: Bool,
        secrets: [Secret] = []
    ) {
        self.clientKey = clientKey
        self.spec = spec
        self.inputs = inputs
        self.confirmed = confirmed
        self.secrets = secrets.isEmpty ? nil : secrets
    }

    enum CodingKeys: String, CodingKey {
        case clientKey = "client_key"
        case spec
        case inputs
        case confirmed
        case secrets
    }
}

/// The answer to `POST /v1/jobs`: the job is durable.
package struct SubmitResponse: Hashable, Sendable, Codable {
    package var id: JobID

    package init(id: JobID) { self.id = id }
}

/// `POST /v1/plan`: what a submission would do, without doing it.
package struct PlanRequest: Hashable, Sendable, Codable {
    package var spec: JobSpec
    package var inputs: JobInputs

    package init(spec: JobSpec, inputs: JobInputs) {
        self.spec = spec
        self.inputs = inputs
    }
}

/// The answer to `POST /v1/plan`.
package struct PlanView: Hashable, Sendable, Codable {
    /// The worker that would take the job now, or the one that it would wait for.
    package var worker: WorkerName?
    /// Of a job of several nodes, by rank; empty where it would wait.
    package var workers: [WorkerName]?
    /// Why the job would wait; `nil` if it would start at once.
    package var waiting: WaitingReason?
    /// What the worker's store lacks.
    package var missing: ByteCount
    /// Where most of ``missing`` lies, largest first, if that is more than
    /// ``JobLimits/unconfirmedTransfer``; none inside another.
    package var largest: [Share]
    package var environmentCached: Bool?
    /// Of a job that names an environment which its workers are to have: those that have it.
    package var holders: [WorkerName]?
    /// Why the worker cannot give the job its environment.
    package var environmentRefusal: ShuntError?

    /// A directory's part of what would be sent.
    package struct Share: Hashable, Sendable, Codable {
        /// Relative to the root, as people read it; `nil` for the files of the root itself.
        package var directory: String?
        package var bytes: ByteCount

        package init(directory: String?, bytes: ByteCount) {
            self.directory = directory
            self.bytes = bytes
        }
    }

    package init(
        worker: WorkerName?, waiting: WaitingReason?, missing: ByteCount, largest: [Share] = [],
        environmentCached: Bool?
    ) {
        self.worker = worker
        self.waiting = waiting
        self.missing = missing
        self.largest = largest
        self.environmentCached = environmentCached
    }

    enum CodingKeys: String, CodingKey {
        case worker
        case workers
        case waiting
        case missing = "missing_bytes"
        case largest
        case environmentCached = "environment_cached"
        case holders
        case environmentRefusal = "environment_refusal"
    }
}

/// Why a queued job does not run, in words a person understands, with a code for scripts.
package struct WaitingReason: Hashable, Sendable, Codable {
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The reason as programs read it.
    package enum Code: String, Sendable, Codable, CaseIterable {
        case workerUnreachable = "worker_unreachable"
        case workerUnknown = "worker_unknown"
        /// More than the worker has when it is empty.
        case tooLarge = "too_large"
        /// It runs in a container, and no reachable worker that it may use has an engine.
        case noEngine = "no_engine"
        /// It may go to any worker, and none that is reachable can build its environment.
        case noEnvironment = "no_environment"
        /// It mounts what no reachable worker that it may use has.
        case noData = "no_data"
        /// A rule of the configuration keeps its data from every worker that it may use.
        case forbidden
        /// Other jobs have to succeed first.
        case waitsForJobs = "waits_for_jobs"
        case workerBusy = "worker_busy"
        /// Every reachable worker that it may use has been told to take no new jobs.
        case workerDrained = "worker_drained"
        case behindOthers = "behind_others"
        case backingOff = "backing_off"
        /// Several workers would do, and what each lacks of the job's tree is being found out.
        case comparingWorkers = "comparing_workers"
    }
}

/// Bounds that client and coordinator agree on.
package enum JobLimits {
    /// More than this that the worker lacks is sent only when it was agreed to.
    package static let unconfirmedTransfer = ByteCount.gibibytes(1)
    /// The most directories that a question about size names.
    package static let planDirectories = 5
    /// Larger files are not copied at submit.
    package static let copiedFile = ByteCount.mebibytes(64)
    package static let clientKeyLength = 64
    /// Of the whole command line with its environment, as `execve` allows it on Linux.
    package static let commandBytes = 1 << 20
    package static let queuedJobs = 200_000
    package static let workers = 1000
    /// Jobs that one job comes after.
    package static let dependencies = 1000
    /// Attempts that workers refused, after which a job fails.
    package static let refusedAttempts = 20
}
