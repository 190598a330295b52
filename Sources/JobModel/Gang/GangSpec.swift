/// What a job asks for that runs as several tasks which start and end together, or that has Shunt
/// start its processes.
package struct GangSpec: Hashable, Sendable, Codable {
    /// Tasks, each with the job's `resources` for itself: 1 … ``GangLimits/nodes``.
    package var nodes: Int
    /// How many of them one worker may have: 1 … ``nodes``.
    package var nodesPerWorker: Int
    /// Processes that the command is started as in each task, or that it starts itself: what
    /// `NPROC_PER_NODE` says. 1 … ``GangLimits/processesPerNode``.
    package var processesPerNode: Int
    /// `nil` where the command is started once in each task, as it is.
    package var launch: Launch?
    package var outputsFrom: OutputsFrom

    package init(
        nodes: Int, nodesPerWorker: Int = 1, processesPerNode: Int = 1, launch: Launch? = nil,
        outputsFrom: OutputsFrom = .first
    ) {
        self.nodes = nodes
        self.nodesPerWorker = nodesPerWorker
        self.processesPerNode = processesPerNode
        self.launch = launch
        self.outputsFrom = outputsFrom
    }

    /// Who starts the processes of a task.
    package enum Launch: String, Sendable, Codable, CaseIterable {
        /// PyTorch's launcher, with one rendezvous ID for each attempt.
        case torchrun
        /// Shunt: one process for each rank, with `RANK`, `WORLD_SIZE` and `LOCAL_RANK`.
        case perProcess = "per-process"
    }

    /// Which tasks' files are the job's outputs.
    package enum OutputsFrom: String, Sendable, Codable, CaseIterable {
        /// Those of rank 0.
        case first = "rank-0"
        /// Those of rank 0, and those of every other rank under `rank-N/`.
        case all
    }

    enum CodingKeys: String, CodingKey {
        case nodes
        case nodesPerWorker = "nodes_per_worker"
        case processesPerNode = "processes_per_node"
        case launch
        case outputsFrom = "outputs_from"
    }
}

/// Bounds of a gang.
package enum GangLimits {
    package static let nodes = 128
    package static let processesPerNode = 1024
    /// Addresses that one task offers to the others.
    package static let addresses = 16
    /// How long a task tries to reach another one before it says that it cannot.
    package static let probe = Milliseconds.seconds(3)
    /// From TERM to KILL where a gang is ended because one of its tasks has failed; a shorter grace
    /// period of the job's own counts.
    package static let grace = Milliseconds.seconds(3)
}
