internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Synchronization

/// The virtual environments of one agent: one for each (content of its recipe, Python
/// version, platform), built once, shared by every later job, never changed: what a job has changed
/// all the same is set aside and built anew (``EnvironmentSeal``).
///
/// ```
/// DIR/KEY            a symbolic link to the finished build: its rename publishes it
/// DIR/builds/KEY.N   a build, at the path at which it stays, since scripts hold that path
/// DIR/builds/KEY.log what the installer printed last
/// DIR/KEY.N.changed  a link to a build that was set aside
/// ```
///
/// Two jobs that ask for the same one at the same time share the build. A build that fails, is
/// aborted by everyone who waited, or exceeds ``buildLimit`` leaves nothing behind but its log.
actor PythonEnvironments {
    /// From asking to published.
    static let buildLimit = Milliseconds.minutes(30)

    private let directory: String
    private nonisolated let platform: Platform
    /// For builds, each of which holds a thread until it is over.
    private let executor: BlockingExecutor
    /// For what takes moments and must not wait behind builds.
    private let disk: BlockingExecutor
    private var builds: [String: Build] = [:]
    private let interpreters: Mutex<PythonSearch>

    /// One build that is going on, and how many jobs wait for it.
    private struct Build {
        var task: Task<String, any Error>
        var abort: AbortFlag
        var waiters: Int
    }

    init(
        directory: String, platform: Platform, executor: BlockingExecutor, disk: BlockingExecutor
    ) {
        self.directory = directory
        self.platform = platform
        self.executor = executor
        self.disk = disk
        interpreters = Mutex(PythonSearch(directory: directory))
    }

    /// Ends what the builds of an earlier life of this agent left running, and removes what they
    /// had built. To be called once, before the first build.
    func removeAbandonedBuilds() async {
        let leftovers = AbandonedBuilds(directory: directory)
        // What cannot be removed takes space and nothing else; the next start tries again.
        try? await executor.run { try leftovers.remove() }
    }

    /// What there is of an environment.
    enum Look: Hashable, Sendable {
        case intact(path: String)
        /// - `changed`: the file that a job has changed in the one that there was.
        case missing(EnvironmentTarget, changed: String?)
    }

    /// Looks for the environment of a recipe; the recipe itself need not be here for that.
    ///
    /// - Throws: ``ShuntError`` where this worker has no Python for it.
    func look(for recipe: EnvironmentRecipe) async throws -> Look {
        let (directory, platform) = (directory, platform)
        return try await disk.run { [self] in
            let python: PythonChoice
            if recipe.kind.isOfConda {
                python = .ofConda(try conda(for: recipe))
            } else {
                python = try interpreters.withLock { try $0.find(recipe.python) }
            }
            if recipe.kind == .uv, ExecutableSearch.find("uv") == nil {
                throw ShuntError(
                    .notFound, "there is no `uv` on this worker, which a `uv.lock` needs",
                    hint: "pip install uv")
            }
            let key =
                "\(python.name)-\(platform.system)-\(platform.architecture)-"
                + Self.shortName(of: recipe)
            let target = EnvironmentTarget(key: key, python: python)
            switch PublishedEnvironment(directory: directory, key: key).look() {
            case .intact(let path):
                EnvironmentShelf(directory: directory).touch(key)
                return .intact(path: path)
            case .changed(_, let file): return .missing(target, changed: file)
            case .missing: return .missing(target, changed: nil)
            }
        }
    }

    private nonisolated func conda(for recipe: EnvironmentRecipe) throws -> CondaTool {
        let tool = try CondaTool.required()
        let own = CondaTool.platform(of: platform)
        guard let wanted = recipe.platform, wanted != own else { return tool }
        throw ShuntError(
            .refused,
            "the packages of the conda environment are for \(wanted), and this worker is \(own); "
                + "an `environment.yml` names what fits both",
            hint: "conda env export --from-history > environment.yml")
    }

    /// Builds what a look did not find. The recipe is in the store.
    ///
    /// - Parameter onBuild: is told what is being done, for people.
    /// - Throws: ``ShuntError`` with the end of the installer's output; `CancellationError`.
    func build(
        _ recipe: EnvironmentRecipe, as target: EnvironmentTarget, changed: String?,
        from store: ObjectStore, onBuild: @Sendable (_ activity: String) async -> Void
    ) async throws -> String {
        await onBuild(
            changed.map { "building the environment again, since a job has changed `\($0)`" }
                ?? "building the environment")
        let path = try await join(target, recipe, store)
        hasGrown = true
        return path
    }

    // MARK: What is there

    /// What environments may take together; the ones that were not used for longest go.
    static let sizeBound = ByteCount.gibibytes(50)

    /// Something was built since the last collection.
    private var hasGrown = false

    /// How a task that is not over names its environment.
    static func shortName(of recipe: EnvironmentRecipe) -> String {
        String(recipe.tree.content.hex.prefix(32))
    }

    /// - Parameter recipes: the short names of what tasks that are not over need.
    func answer(
        _ request: EnvironmentRequest, inUse recipes: Set<String>
    ) async throws -> [EnvironmentView] {
        let shelf = EnvironmentShelf(directory: directory)
        return try await executor.run {
            switch request {
            case .list: shelf.list(inUse: recipes)
            case .remove(let key): [try shelf.remove(key, inUse: recipes)]
            }
        }
    }

    /// Makes room if something was built since the last time.
    ///
    /// - Returns: what was removed.
    func collect(inUse recipes: Set<String>) async throws -> [EnvironmentView] {
        guard hasGrown else { return [] }
        hasGrown = false
        let shelf = EnvironmentShelf(directory: directory)
        // Beside the environments, in the agent's directory.
        let cache = RawPath(directory).parent.appending("cache").description
        let isQuiet = builds.isEmpty
        return try await executor.run {
            if isQuiet { try InstallerCache.empty(cache) }
            return try shelf.collect(beyond: Self.sizeBound, inUse: recipes)
        }
    }

    /// For a plan: whether it is there, or can be had.
    func availability(of software: SoftwareEnvironment) async throws -> EnvironmentAvailability {
        do {
            switch software {
            case .recipe(let recipe):
                switch try await look(for: recipe) {
                case .intact: return .cached
                case .missing: return .toBuild
                }
            case .existing(let name):
                _ = try await existing(name)
                return .cached
            }
        } catch let error as ShuntError {
            return .unavailable(error)
        }
    }

    /// What an administrator put here.
    ///
    /// - Throws: ``ShuntError`` where there is no such thing.
    func existing(_ name: String) async throws -> PreparedEnvironment {
        questions += 1
        let output = directory + "/module-variables.\(getpid()).\(questions)"
        return try await disk.run {
            var found = try ExistingEnvironment(name: name, output: output).find()
            found.isFound = true
            return found
        }
    }

    /// What is in an environment that was there before.
    func packages(of environment: PreparedEnvironment) async throws -> [String] {
        questions += 1
        let output = directory + "/packages.\(getpid()).\(questions)"
        return try await disk.run {
            PackageListing(environment: environment, output: output).lines()
        }
    }

    /// How often a shell was asked what a line of it does.
    private var questions = 0

    private func join(
        _ target: EnvironmentTarget, _ recipe: EnvironmentRecipe, _ store: ObjectStore
    ) async throws -> String {
        let key = target.key
        var build: Build
        if let running = builds[key] {
            build = running
        } else {
            let abort = AbortFlag()
            let builder = EnvironmentBuilder(
                directory: directory, key: key, python: target.python, recipe: recipe,
                store: store, abort: abort)
            let executor = executor
            build = Build(
                task: Task { try await executor.run { try builder.build() } }, abort: abort,
                waiters: 0)
        }
        build.waiters += 1
        builds[key] = build
        let shared = build
        let result = await withTaskCancellationHandler {
            await shared.task.result
        } onCancel: {
            Task { await self.giveUp(shared, key) }
        }
        if builds[key]?.task == shared.task { builds[key] = nil }
        try Task.checkCancellation()
        return try result.get()
    }

    /// One of those who waited no longer does; the last one ends the build.
    private func giveUp(_ build: Build, _ key: String) {
        guard builds[key]?.task == build.task else { return }
        builds[key]?.waiters -= 1
        guard builds[key]?.waiters == 0 else { return }
        build.abort.set()
        // Whoever asks from now on must not share a build that ends without a result.
        builds[key] = nil
    }
}
