/// What a person asks for: the final form of `job.yaml` and flags, with every default filled in.
/// It does not change after submission, whatever machine the job runs on.
package struct JobSpec: Hashable, Sendable, Codable {
    package var name: JobName?
    package var command: Command
    /// Where the command starts, relative to the snapshot's root; empty is the root itself.
    package var workingDirectory: String
    /// In the order given; a later variable wins over an earlier one of the same name.
    package var environment: [EnvironmentVariable]
    package var resources: Resources
    /// Thousandths of a CPU that the whole tree may use at most; `nil` for a job that was only
    /// counted as needing some.
    package var cpuLimit: Int64?
    package var software: SoftwareEnvironment?
    /// Paths or globs relative to the root that are the job's outputs; empty means every new or
    /// changed file.
    package var outputs: [String]
    package var maximumDuration: Milliseconds?
    /// From TERM to KILL when the job is ended by a limit or a cancel.
    package var gracePeriod: Milliseconds
    /// Outputs above this stay on the worker until they are pulled.
    package var pullLimit: ByteCount
    package var placement: PlacementRequest
    /// `nil` for a command that runs on the machine as it is.
    package var container: ContainerSpec?
    /// Data that lies on workers, by target; none within another.
    package var mounts: [DataMount]
    /// What the job's own files are, for ``DataRules``; ascending.
    package var labels: [DataLabel]
    /// `nil` for one command on one worker.
    package var gang: GangSpec?
    /// Absent in the JSON of a job without any.
    private var secretNames: [String]?
    /// Absent in the JSON of a job that comes after none.
    private var predecessors: [JobID]?
    /// Absent in the JSON of a job of normal priority.
    private var givenPriority: Priority?

    package init(
        name: JobName? = nil, command: Command, workingDirectory: String = "",
        environment: [EnvironmentVariable] = [], resources: Resources = .standard,
        cpuLimit: Int64? = nil, software: SoftwareEnvironment? = nil, outputs: [String] = [],
        maximumDuration: Milliseconds? = nil, gracePeriod: Milliseconds = .seconds(10),
        pullLimit: ByteCount = .gibibytes(1), placement: PlacementRequest = .worker(.local),
        container: ContainerSpec? = nil, mounts: [DataMount] = [], labels: [DataLabel] = [],
        secrets: [String] = [], gang: GangSpec? = nil, priority: Priority = .normal,
        after: [JobID] = []
    ) {
        self.name = name
        self.command = command
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.resources = resources
        self.cpuLimit = cpuLimit
        self.software = software
        self.outputs = outputs
        self.maximumDuration = maximumDuration
        self.gracePeriod = gracePeriod
        self.pullLimit = pullLimit
        self.placement = placement
        self.container = container
        self.mounts = mounts.sorted { $0.target < $1.target }
        self.labels = Set(labels).sorted()
        self.gang = gang
        self.secrets = secrets
        self.priority = priority
        self.after = after
    }

    enum CodingKeys: String, CodingKey {
        case name
        case command
        case workingDirectory = "workdir"
        case environment = "env"
        case resources
        case cpuLimit = "cpu_limit_milli"
        case software
        case outputs
        case maximumDuration = "max_duration_ms"
        case gracePeriod = "grace_ms"
        case pullLimit = "pull_limit_bytes"
        case placement
        case container
        case secretNames = "secrets"
        case mounts
        case labels
        case gang
        case predecessors = "after"
        case givenPriority = "priority"
    }
}

extension JobSpec {
    /// The names of the job's secrets, each once; see ``Secret``.
    package var secrets: [String] {
        get { secretNames ?? [] }
        set { secretNames = newValue.isEmpty ? nil : newValue }
    }

    /// Jobs of the same coordinator that have to succeed before it starts, each once. Agents are
    /// not told.
    package var after: [JobID] {
        get { predecessors ?? [] }
        set { predecessors = newValue.isEmpty ? nil : newValue }
    }

    /// Among the jobs that wait.
    package var priority: Priority {
        get { givenPriority ?? .normal }
        set { givenPriority = newValue == .normal ? nil : newValue }
    }

    /// The tasks of an attempt.
    package var nodeCount: Int { gang?.nodes ?? 1 }

    /// How many of them one worker may have.
    package var nodesPerWorker: Int { gang?.nodesPerWorker ?? 1 }

    /// Bytes that the whole tree may use at most; `nil` for a job that asks for no memory.
    package var memoryLimit: ByteCount? { resources.memory == .zero ? nil : resources.memory }

    /// A command line: for the shell, or as it is.
    package enum Command: Hashable, Sendable, Codable {
        /// Run as `/bin/sh -c TEXT`.
        case shell(String)
        /// At least one element; the first is looked up in `PATH`.
        case arguments([String])

        /// What `execvp` gets.
        package var argumentVector: [String] {
            switch self {
            case .shell(let text): ["/bin/sh", "-c", text]
            case .arguments(let list): list
            }
        }
    }

    /// A variable that the person set for the command.
    package struct EnvironmentVariable: Hashable, Sendable, Codable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Where a job may run.
    package enum PlacementRequest: Hashable, Sendable, Codable {
        case worker(WorkerName)
        /// Whichever of these fits; at least two, ascending.
        case among([WorkerName])
        /// Any worker that fits.
        case any

        /// Whether the scheduler has a choice.
        package var isChoice: Bool {
            switch self {
            case .worker: false
            case .among, .any: true
            }
        }

        /// Whether the job may go to a worker.
        package func admits(_ name: WorkerName) -> Bool {
            switch self {
            case .worker(let one): one == name
            case .among(let names): names.contains(name)
            case .any: true
            }
        }

        /// The workers that it names.
        package var names: [WorkerName] {
            switch self {
            case .worker(let one): [one]
            case .among(let names): names
            case .any: []
            }
        }

        /// - Parameter names: at least one.
        package init(names: [WorkerName]) {
            let sorted = Set(names).sorted()
            self = sorted.count == 1 ? .worker(sorted[0]) : .among(sorted)
        }
    }
}

extension Milliseconds {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        count = try container.decode(Int64.self)
        guard count >= 0 else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a span of time is never negative")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }
}

extension ByteCount {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let bytes = try container.decode(Int64.self)
        guard bytes >= 0 else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a byte count is never negative")
        }
        self.bytes = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }
}
