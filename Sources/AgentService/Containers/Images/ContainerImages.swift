internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// The images of one agent's jobs, kept by the engine: what the engine has is used, what it can
/// pull is pulled, and what comes with a job is built or loaded once for its content and found
/// again by a tag that is the digest of it.
///
/// Jobs that ask for the same one at the same time share the work; the last one to give up ends it.
actor ContainerImages {
    /// From asking to the image.
    static let limit = Milliseconds.minutes(60)

    private let shelf: ImageShelf
    private let store: ObjectStore
    /// For pulls and builds, each of which holds a thread until it is over.
    private let executor: BlockingExecutor
    /// For what takes moments and must not wait behind them.
    private let disk: BlockingExecutor
    private var works: [String: Work] = [:]
    private var known: (engine: String, at: SteadyTime, abilities: EngineAbilities)?
    /// Something was made since the last collection.
    private var hasGrown = false

    /// How long an engine's word on what it can do is taken for true.
    private static let knownFor = Milliseconds.minutes(10)

    /// One image that is being made, and how many jobs wait for it.
    private struct Work {
        var task: Task<ImageFacts, any Error>
        var abort: AbortFlag
        var waiters: Int
    }

    init(
        directory: String, store: ObjectStore, executor: BlockingExecutor, disk: BlockingExecutor
    ) {
        shelf = ImageShelf(directory: directory)
        self.store = store
        self.executor = executor
        self.disk = disk
    }

    /// Ends and removes what an earlier life of this agent left behind. To be called once, first
    /// of all.
    func removeLeftovers() async {
        let shelf = shelf
        // What cannot be removed takes space and nothing else; the next start tries again.
        try? await executor.run {
            try shelf.prepare()
            let opened = try OwnedDescriptor.open(shelf.work, O_RDONLY | O_DIRECTORY)
            if try !opened.names().isEmpty {
                let engine = try EngineCommand.preferred(directory: shelf.work)
                BuildLeftovers(
                    directory: shelf.work, engine: engine,
                    containers: try EngineAbilities(of: engine).containers
                ).removeAll()
            }
            let mounts = SmallFile.text("/proc/self/mounts") ?? ""
            if !mounts.contains(shelf.work + "/") { try removeTree(at: RawPath(shelf.work)) }
            try shelf.prepare()
        }
    }

    /// The engine that runs jobs here.
    ///
    /// - Throws: ``ShuntError`` where there is none.
    func engine() throws -> EngineCommand { try .preferred(directory: shelf.work) }

    /// What the engine can do. Asked every now and then: it takes a moment.
    func abilities(of engine: EngineCommand) async throws -> EngineAbilities {
        let now = SteadyTime.current
        if let known, known.engine == engine.executable, now - known.at < Self.knownFor {
            return known.abilities
        }
        let abilities = try await disk.run { try EngineAbilities(of: engine) }
        known = (engine.executable, now, abilities)
        return abilities
    }

    /// How a container gets this machine's GPUs.
    func gpus(of engine: EngineCommand) async throws -> GPUAccess {
        if let access = try await abilities(of: engine).gpus { return access }
        return try await disk.run { GPUAccess.specified() }
    }

    /// The image of a task.
    ///
    /// - Parameters:
    ///   - order: of the task; an image that an earlier attempt ran in is the one.
    ///   - work: what the job's tree was checked out into.
    ///   - onActivity: is told what is being done, for people.
    /// - Throws: ``ShuntError`` with the engine's words; `CancellationError`.
    func image(
        for container: ContainerSpec, of order: StartOrder, in work: String,
        by engine: EngineCommand, onActivity: @escaping @Sendable (String) async -> Void
    ) async throws -> PinnedImage {
        let (store, shelf) = (store, shelf)
        let origin = try await disk.run {
            try ImageOrigin(
                container, pinned: order.image, tree: order.tree, work: work,
                engine: engine.engine, store)
        }
        let found = try await disk.run { () -> ImageFacts? in
            for name in origin.references {
                guard let facts = try ImageFacts(name, in: engine) else { continue }
                if origin.isOurs { try shelf.put(origin, facts, by: engine) }
                shelf.touch(origin.key(facts.image))
                return facts
            }
            return nil
        }
        if let found { return found.image }
        await onActivity(origin.activity)
        let containers = try await abilities(of: engine).containers
        hasGrown = true
        return try await join(
            ImageMaker(
                origin: origin, engine: engine, shelf: shelf, store: store, abort: AbortFlag(),
                containers: containers)
        ).image
    }

    private func join(_ maker: ImageMaker) async throws -> ImageFacts {
        let name = maker.origin.name
        var work =
            works[name]
            ?? Work(
                task: Task { [executor] in try await executor.run { try maker.make() } },
                abort: maker.abort, waiters: 0)
        work.waiters += 1
        works[name] = work
        let shared = work
        let result = await withTaskCancellationHandler {
            await shared.task.result
        } onCancel: {
            Task { await self.giveUp(shared, name) }
        }
        if works[name]?.task == shared.task { works[name] = nil }
        try Task.checkCancellation()
        return try result.get()
    }

    /// One of those who waited no longer does; the last one ends the work.
    private func giveUp(_ work: Work, _ name: String) {
        guard works[name]?.task == work.task else { return }
        works[name]?.waiters -= 1
        guard works[name]?.waiters == 0 else { return }
        work.abort.set()
        works[name] = nil
    }
}

// MARK: - What is there

extension ContainerImages {
    /// What images may take together; the ones that were not used for longest go.
    static let sizeBound = ByteCount.gibibytes(50)

    /// - Parameter images: what tasks that are not over need.
    func answer(
        _ request: EnvironmentRequest, inUse images: Set<Digest>
    ) async throws -> [EnvironmentView] {
        let shelf = shelf
        return try await disk.run {
            shelf.forgetGone()
            return switch request {
            case .list: shelf.list(inUse: images)
            case .remove(let key): [try shelf.remove(key, inUse: images)]
            }
        }
    }

    /// Makes room if something was made since the last time.
    ///
    /// - Returns: what was removed.
    func collect(inUse images: Set<Digest>) async throws -> [EnvironmentView] {
        guard hasGrown, works.isEmpty else { return [] }
        hasGrown = false
        let shelf = shelf
        return try await executor.run {
            shelf.forgetGone()
            return try shelf.collect(beyond: Self.sizeBound, inUse: images)
        }
    }
}
