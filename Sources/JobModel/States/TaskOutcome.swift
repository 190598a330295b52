/// How the command of a task came to its end, as its init or the absence of one testifies.
package enum ExitStatus: Hashable, Sendable, Codable {
    case exited(code: Int32)
    case signalled(signal: Int32)
    /// The command could not be executed; `errno` says why.
    case execFailed(errno: Int32)
    /// Ended at the barrier: the command never executed.
    case neverStarted
    /// Init's lock is free, there is no exit record, and its tree is empty.
    case vanished

    /// What a shell would give: the code, 128+n, 127 for a command that is not there, 126 for one
    /// that cannot be executed; `nil` where there is nothing to give.
    package var shellCode: Int32? {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 &+ signal
        case .execFailed(let errno): errno == 2 || errno == 20 ? 127 : 126
        case .neverStarted, .vanished: nil
        }
    }
}

/// Why a task is being ended by somebody other than itself.
package enum StopCause: String, Sendable, Codable, CaseIterable {
    case cancel
    case timeout
    case preempt
    /// The kernel ended a part of the tree, which had used more memory than the job asked for.
    case outOfMemory = "oom"
    case lease
    /// Another task of its gang has failed.
    case gang
}

/// How completely the tree of a task can be ended on its worker.
package enum KillMethod: String, Sendable, Codable {
    /// A cgroup of its own: nothing escapes.
    case cgroup
    /// Init is the subreaper of the tree and sweeps it: nothing that keeps its account escapes.
    case sweep
    /// Init is PID 1 of a container: whatever lives in it ends with init.
    case namespace
}

/// The last word on a task. Never changes once it is durable.
package struct TaskResult: Hashable, Sendable, Codable {
    package var verdict: Verdict
    package var exit: ExitStatus?
    package var cause: StopCause?
    /// Why, in words, where the verdict is not `succeeded`.
    package var message: String?
    package var outputs: OutputSummary?
    /// What a person should know besides: output that was lost, for one.
    package var warnings: [String]

    package init(
        verdict: Verdict, exit: ExitStatus? = nil, cause: StopCause? = nil,
        message: String? = nil, outputs: OutputSummary? = nil, warnings: [String] = []
    ) {
        self.verdict = verdict
        self.exit = exit
        self.cause = cause
        self.message = message
        self.outputs = outputs
        self.warnings = warnings
    }

    /// How the task ended, in the word that people and programs read.
    package enum Verdict: String, Sendable, Codable, CaseIterable {
        case succeeded
        /// The command ended other than with 0, or ran into a limit.
        case failed
        /// Content could not be staged or the command could not be launched.
        case stagingFailed = "staging_failed"
        case environmentFailed = "environment_failed"
        case cancelled
        /// The agent does not take it: it does not fit.
        case refused
        case lost
    }
}

/// The files that a task wrote, durable in the worker's store.
package struct OutputSummary: Hashable, Sendable, Codable {
    package var tree: TreeReference
    package var fileCount: Int64
    package var totalSize: ByteCount
    /// Files of the snapshot that the job deleted: reported, never applied. At most 100 are named.
    package var deletedCount: Int64
    package var deleted: [String]
    package var warnings: [String]

    package init(
        tree: TreeReference, fileCount: Int64, totalSize: ByteCount, deletedCount: Int64 = 0,
        deleted: [String] = [], warnings: [String] = []
    ) {
        self.tree = tree
        self.fileCount = fileCount
        self.totalSize = totalSize
        self.deletedCount = deletedCount
        self.deleted = deleted
        self.warnings = warnings
    }

    enum CodingKeys: String, CodingKey {
        case tree
        case fileCount = "file_count"
        case totalSize = "total_bytes"
        case deletedCount = "deleted_count"
        case deleted
        case warnings
    }
}

/// The process that stands for a task from the barrier on.
package struct TaskProcess: Hashable, Sendable, Codable {
    package var pid: Int32
    /// Field 22 of `/proc/PID/stat`: with the boot ID it names a process for good.
    package var startTicks: UInt64
    package var killMethod: KillMethod
    /// Whether the worker holds the tree to the memory and the processors that the job asked for;
    /// `nil` where it asked for none.
    package var enforcesMemory: Bool?
    package var enforcesCPU: Bool?

    package init(
        pid: Int32, startTicks: UInt64, killMethod: KillMethod, enforcesMemory: Bool? = nil,
        enforcesCPU: Bool? = nil
    ) {
        self.pid = pid
        self.startTicks = startTicks
        self.killMethod = killMethod
        self.enforcesMemory = enforcesMemory
        self.enforcesCPU = enforcesCPU
    }

    enum CodingKeys: String, CodingKey {
        case pid
        case startTicks = "start_ticks"
        case killMethod = "kill_method"
        case enforcesMemory = "enforces_memory"
        case enforcesCPU = "enforces_cpu"
    }
}
