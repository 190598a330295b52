internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import SecretStore
internal import Transfer

/// Puts a task's inputs in place: its tree, its environment, and the plan by which supervisor and
/// init run it. Every step is safe to repeat after a crash.
struct TaskStaging: Sendable {
    let home: AgentHome
    let store: ObjectStore
    let inventory: TreeInventory
    let environments: PythonEnvironments
    let images: ContainerImages
    let mountAbility: MountAbility
    let secrets: SecretVault
    let executor: BlockingExecutor
    /// The executable of init, absolute.
    let initExecutable: String

    enum Outcome: Sendable {
        case staged
        /// The store lacks a part of this tree.
        case contentMissing(TreeReference)
        /// They are not in this machine's memory.
        case secretsMissing
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
    ///   - onPackages: is told what an environment holds that was there before.
    ///   - onContainer: is told what its container is made of.
    ///   - onData: is told what data the task finds on this machine.
    /// - Throws: `CancellationError` when nobody wants the task any more.
    func stage(
        _ order: StartOrder, onContent: @escaping @Sendable () async -> Void,
        onActivity: @escaping @Sendable (String) async -> Void,
        onPackages: @escaping @Sendable ([String]) async -> Void,
        onContainer: @escaping @Sendable (ContainerFacts) async -> Void,
        onData: @escaping @Sendable ([DataReport]) async -> Void
    ) async throws -> Outcome {
        let directory = home.taskDirectory(order.token)
        do {
            let data = TaskData(mounts: order.mounts, root: Self.workDirectory(in: directory))
            try await executor.run { try data.requireAll() }
            // First of all: where it cannot be had, nothing needs to be sent.
            let software = try await look(for: order.spec.software)
            for tree in order.trees {
                guard try await executor.run({ try inventory.isWhole(tree) }) else {
                    return .contentMissing(tree)
                }
            }
            if case .toBuild(let recipe, _, _) = software,
                try await !executor.run({ try inventory.isWhole(recipe.tree) })
            {
                return .contentMissing(recipe.tree)
            }
            // Last of what others have to give, and so kept here no longer than need be.
            guard try await executor.run({ try holdsSecrets(of: order) }) else {
                return .secretsMissing
            }
            // The checkout of a large tree takes long, and nobody has to stay awake for it.
            await onContent()
            let isPlaced = try await executor.run { try checkOut(order, in: directory) }
            guard isPlaced else { return .contentMissing(order.tree) }
            try Task.checkCancellation()
            let mounts = try await place(data, for: order, onActivity, onData)
            let environment: PreparedEnvironment?
            do {
                environment = try await prepare(software, onActivity: onActivity)
            } catch let error as ShuntError {
                // A damaged recipe has been set aside, and is sent again.
                if case .toBuild(let recipe, _, _) = software,
                    try await !executor.run({ try inventory.isWhole(recipe.tree) })
                {
                    return .contentMissing(recipe.tree)
                }
                throw EnvironmentFailure(error)
            }
            if let environment, environment.isFound {
                await onPackages(try await environments.packages(of: environment))
            }
            var plan = try plan(for: order, in: directory, environment: environment)
            plan.mounts = mounts
            if let container = order.spec.container {
                do {
                    plan.engine = try await engine(
                        for: container, order, plan, in: directory, onActivity, onContainer)
                } catch let error as ShuntError {
                    return .failed(.environmentFailed, message: "image failed: \(error.message)")
                }
            }
            let launch = plan
            try await executor.run {
                try TaskDirectory(directory).prepare(launch, isWhole: !order.waitsForGo)
            }
            return .staged
        } catch let failure as EnvironmentFailure {
            return .failed(
                .environmentFailed, message: "environment failed: \(failure.error.message)")
        } catch let error as ShuntError {
            return .failed(.stagingFailed, message: error.message)
        }
    }

    /// What is known of a task's environment before its content is here.
    private enum Software: Sendable {
        case none
        case ready(PreparedEnvironment)
        case toBuild(EnvironmentRecipe, EnvironmentTarget, changed: String?)
    }

    /// Why there is no environment, apart from whatever else can go wrong.
    private struct EnvironmentFailure: Error {
        let error: ShuntError
        init(_ error: ShuntError) { self.error = error }
    }

    private func look(for software: SoftwareEnvironment?) async throws -> Software {
        do {
            switch software {
            case nil: return .none
            case .recipe(let recipe)?:
                switch try await environments.look(for: recipe) {
                case .intact(let path): return .ready(PreparedEnvironment(at: path))
                case .missing(let target, let changed):
                    return .toBuild(recipe, target, changed: changed)
                }
            case .existing(let name)?: return .ready(try await environments.existing(name))
            }
        } catch let error as ShuntError {
            throw EnvironmentFailure(error)
        }
    }

    private func prepare(
        _ software: Software, onActivity: @escaping @Sendable (String) async -> Void
    ) async throws -> PreparedEnvironment? {
        switch software {
        case .none: return nil
        case .ready(let environment): return environment
        case .toBuild(let recipe, let target, let changed):
            let path = try await environments.build(
                recipe, as: target, changed: changed, from: store, onBuild: onActivity)
            return PreparedEnvironment(at: path)
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

    private func holdsSecrets(of order: StartOrder) throws -> Bool {
        let names = order.spec.secrets
        return try names.isEmpty || secrets.holds(names, under: AgentHome.taskName(order.token))
    }

    /// Brings data of this machine under the working directory.
    ///
    /// - Returns: what init is to mount: nothing in a container, whose engine does it, or where the
    ///   account may not.
    private func place(
        _ data: TaskData, for order: StartOrder,
        _ onActivity: @escaping @Sendable (String) async -> Void,
        _ onData: @escaping @Sendable ([DataReport]) async -> Void
    ) async throws -> [LaunchPlan.Mount] {
        guard !data.mounts.isEmpty else { return [] }
        let isContained = order.spec.container != nil
        let canMount = isContained ? true : try await mountAbility.isThere()
        await onActivity("looking at its data")
        await onData(try await executor.run { try data.place(mounting: canMount) })
        try Task.checkCancellation()
        guard canMount, !isContained else { return [] }
        return data.pairs.map {
            LaunchPlan.Mount(source: Array($0.source.utf8), target: Array($0.target.utf8))
        }
    }

    /// What runs the plan in a container; the image is made or fetched if need be.
    private func engine(
        for container: ContainerSpec, _ order: StartOrder, _ plan: LaunchPlan,
        in directory: String, _ onActivity: @escaping @Sendable (String) async -> Void,
        _ onContainer: @escaping @Sendable (ContainerFacts) async -> Void
    ) async throws -> EngineCommands {
        let engine = try await images.engine()
        let abilities = try await images.abilities(of: engine)
        let image = try await images.image(
            for: container, of: order, in: Self.workDirectory(in: directory), by: engine,
            onActivity: onActivity)
        let gpus = try await images.gpus(of: engine)
        await onContainer(ContainerFacts(image: image, gpus: gpus.way))
        return try ContainerCommand(
            engine: engine, name: plan.name, token: plan.token, image: image.id.hex,
            directory: directory, secretsDirectory: plan.secrets?.directory,
            initExecutable: initExecutable, memoryLimit: order.spec.memoryLimit,
            cpuLimit: order.spec.cpuLimit, sharedMemory: container.sharedMemory,
            mounts: TaskData(
                mounts: order.mounts, root: Self.workDirectory(in: directory)
            ).pairs,
            abilities: abilities, gpus: gpus
        ).commands()
    }

    private func plan(
        for order: StartOrder, in directory: String, environment: PreparedEnvironment?
    ) throws -> LaunchPlan {
        let spec = order.spec
        let task = order.token.task
        let root = Self.workDirectory(in: directory)
        let work = spec.workingDirectory.isEmpty ? root : root + "/" + spec.workingDirectory
        var environment = TaskVariables(order: order, root: root, environment: environment)
        var kept: LaunchPlan.Secrets?
        if !spec.secrets.isEmpty {
            let directory = try secrets.directory(of: AgentHome.taskName(order.token))
            kept = LaunchPlan.Secrets(directory: directory, names: spec.secrets)
            environment.tell(ofSecretsIn: directory)
        }
        let command: LaunchPlan.Command =
            switch spec.command {
            case .shell(let line): .shell(Array(line.utf8))
            case .arguments(let words): .words(words.map { Array($0.utf8) })
            }
        var plan = LaunchPlan(
            token: order.token.description,
            name: "\(task.attempt).\(task.rank)-\(String(order.token.nonce, radix: 16))",
            command: command,
            environment: environment.all,
            workingDirectory: Array(work.utf8), initExecutable: initExecutable)
        plan.maxDuration = spec.maximumDuration
        if spec.container == nil {
            plan.memoryLimit = spec.memoryLimit
            plan.cpuLimit = spec.cpuLimit
        }
        plan.stopGrace = spec.gracePeriod
        plan.secrets = kept
        return plan
    }
}
