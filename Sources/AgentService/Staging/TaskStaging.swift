internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Transfer

/// Puts a task's inputs in place: its tree, its environment, and the plan by which supervisor and
/// init run it. Every step is safe to repeat after a crash.
struct TaskStaging: Sendable {
    let home: AgentHome
    let store: ObjectStore
    let inventory: TreeInventory
    let environments: PythonEnvironments
    let executor: BlockingExecutor
    /// The executable of init, absolute.
    let initExecutable: String

    enum Outcome: Sendable {
        case staged
        /// The store lacks a part of the tree.
        case contentMissing
        case failed(TaskResult.Verdict, message: String)
    }

    /// Where the command runs.
    static func workDirectory(in directory: String) -> String { directory + "/work" }
    static func hasWorkDirectory(in directory: String) -> Bool {
        var status = stat()
        return lstat(workDirectory(in: directory), &status) == 0
            && status.st_mode & S_IFMT == S_IFDIR
    }
    static func baselineFile(in directory: String) -> String { directory + "/baseline" }

    /// - Parameters:
    ///   - onContent: is told that all content is in the store: nothing more is needed of others.
    ///   - onActivity: is told what is being done, for people.
    /// - Throws: `CancellationError` when nobody wants the task any more.
    func stage(
        _ order: StartOrder, onContent: @escaping @Sendable () async -> Void,
        onActivity: @escaping @Sendable (String) async -> Void
    ) async throws -> Outcome {
        let directory = home.taskDirectory(order.token)
        do {
            guard try await executor.run({ try inventory.isWhole(order.tree) }) else {
                return .contentMissing
            }
            // The checkout of a large tree takes long, and nobody has to stay awake for it.
            await onContent()
            let isPlaced = try await executor.run { try checkOut(order, in: directory) }
            guard isPlaced else { return .contentMissing }
            try Task.checkCancellation()
            var environment: String?
            if let python = order.spec.python {
                do {
                    environment = try await environments.environment(
                        for: python,
                        file: Self.workDirectory(in: directory) + "/" + python.requirementsPath,
                        onBuild: onActivity)
                } catch let error as ShuntError {
                    return .failed(
                        .environmentFailed, message: "environment failed: \(error.message)")
                }
            }
            let plan = try plan(for: order, in: directory, environment: environment)
            try await executor.run { try TaskDirectory(directory).prepare(plan) }
            return .staged
        } catch let error as ShuntError {
            return .failed(.stagingFailed, message: error.message)
        }
    }

    /// - Returns: whether every object of the tree was here.
    private func checkOut(_ order: StartOrder, in directory: String) throws -> Bool {
        // What an earlier try left behind never ran: a task is staged only before it started.
        try removeTree(at: RawPath(directory))
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw ShuntError(
                .failed, "cannot make `\(directory)`: \(String(cString: strerror(errno)))",
                hint: "df -h \(home.root)")
        }
        let work = RawPath(Self.workDirectory(in: directory))
        do {
            let baseline = try store.checkOut(order.tree, into: work)
            try baseline.save(to: RawPath(Self.baselineFile(in: directory)))
            return true
        } catch let error as ShuntError where error.code == .notFound {
            // It was all here a moment ago, so an object turned out to be damaged.
            try store.setAsideDamage(in: order.tree)
            return false
        }
    }

    private func plan(
        for order: StartOrder, in directory: String, environment: String?
    ) throws -> LaunchPlan {
        let spec = order.spec
        let task = order.token.task
        let root = Self.workDirectory(in: directory)
        let work = spec.workingDirectory.isEmpty ? root : root + "/" + spec.workingDirectory
        let command: LaunchPlan.Command =
            switch spec.command {
            case .shell(let line): .shell(Array(line.utf8))
            case .arguments(let words): .words(words.map { Array($0.utf8) })
            }
        var plan = LaunchPlan(
            token: order.token.description,
            name: "\(task.attempt).\(task.rank)-\(String(order.token.nonce, radix: 16))",
            command: command,
            environment: TaskVariables(order: order, root: root, environment: environment).all,
            workingDirectory: Array(work.utf8), initExecutable: initExecutable)
        plan.maxDuration = spec.maximumDuration
        plan.memoryLimit = spec.memoryLimit
        plan.cpuLimit = spec.cpuLimit
        plan.stopGrace = spec.gracePeriod
        return plan
    }
}

/// The environment of a task's command: what a login would give, what Shunt tells, and what the
/// job asks for, the later ones winning; `PATH` begins with the programs of the job's environment
/// in any case.
struct TaskVariables {
    private var values: [(name: String, value: String)] = []

    /// Taken over from the agent's own environment, where they are set.
    private static let inherited = [
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR",
        "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "CUDA_HOME",
    ]

    init(order: StartOrder, root: String, environment: String?) {
        for name in Self.inherited {
            if let value = getenv(name) { set(name, String(cString: value)) }
        }
        if getenv("PATH") == nil { set("PATH", ExecutableSearch.standardPath) }
        set("PYTHONUNBUFFERED", "1")
        set("SHUNT_JOB_ID", order.token.task.job.text)
        set("SHUNT_ATTEMPT", String(order.token.task.attempt.number))
        set("SHUNT_NODE_RANK", String(order.token.task.rank))
        set("SHUNT_NUM_NODES", String(order.nodeCount))
        set("SHUNT_JOB_DIR", root)
        if let name = order.spec.name { set("SHUNT_JOB_NAME", name.text) }
        if let git = order.git {
            set("SHUNT_GIT_COMMIT", git.commit)
            set("SHUNT_GIT_DIRTY", git.dirty ? "1" : "0")
            if let branch = git.branch { set("SHUNT_GIT_BRANCH", branch) }
        }
        if let environment { set("VIRTUAL_ENV", environment) }
        for variable in order.spec.environment { set(variable.name, variable.value) }
        // After them: a job that sets `PATH` still runs in the environment that it asked for.
        if let environment {
            let path = values.last { $0.name == "PATH" }?.value ?? ExecutableSearch.standardPath
            set("PATH", environment + "/bin:" + path)
        }
    }

    private mutating func set(_ name: String, _ value: String) {
        values.removeAll { $0.name == name }
        values.append((name, value))
    }

    /// `NAME=VALUE`, each name once.
    var all: [[UInt8]] { values.map { Array("\($0.name)=\($0.value)".utf8) } }
}
