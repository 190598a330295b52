internal import ByteStream
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

    /// Of layouts that are loaded; what is in it is of no use once an image is there.
    private let directory: String
    private let store: ObjectStore
    /// For pulls and builds, each of which holds a thread until it is over.
    private let executor: BlockingExecutor
    private var works: [String: Work] = [:]
    private var known: (engine: String, abilities: EngineAbilities)?

    /// One image that is being made, and how many jobs wait for it.
    private struct Work {
        var task: Task<String, any Error>
        var abort: AbortFlag
        var waiters: Int
    }

    init(directory: String, store: ObjectStore, executor: BlockingExecutor) {
        self.directory = directory
        self.store = store
        self.executor = executor
    }

    /// Removes what an earlier life of this agent left behind. To be called once, first of all.
    func removeLeftovers() async {
        let directory = directory
        // What cannot be removed takes space and nothing else; the next start tries again.
        try? await executor.run {
            try removeTree(at: RawPath(directory))
            mkdir(directory, 0o700)
        }
    }

    /// Which limits the engine keeps. Asked once: it takes a moment.
    func abilities(of engine: EngineCommand) async throws -> EngineAbilities {
        if let known, known.engine == engine.executable { return known.abilities }
        let abilities = try await executor.run { try EngineAbilities(of: engine) }
        known = (engine.executable, abilities)
        return abilities
    }

    /// The image's ID in the engine.
    ///
    /// - Parameters:
    ///   - tree: the job's, which `work` was checked out from.
    ///   - onActivity: is told what is being done, for people.
    /// - Throws: ``ShuntError`` with the engine's words; `CancellationError`.
    func image(
        for container: ContainerSpec, of tree: TreeReference, in work: String,
        by engine: EngineCommand, onActivity: @escaping @Sendable (String) async -> Void
    ) async throws -> String {
        let origin = try await executor.run { [store] in
            try ImageOrigin(container, tree: tree, work: work, store)
        }
        let name = origin.name
        let found = try await executor.run {
            try engine.run(["image", "inspect", "--format", "{{.Id}}", name], within: .minutes(2))
        }
        if found.isSuccess, let id = found.imageID { return id }
        await onActivity(origin.activity)
        return try await join(origin, engine)
    }

    private func join(_ origin: ImageOrigin, _ engine: EngineCommand) async throws -> String {
        var work: Work
        if let running = works[origin.name] {
            work = running
        } else {
            let abort = AbortFlag()
            let maker = ImageMaker(
                origin: origin, engine: engine, directory: directory, store: store, abort: abort)
            work = Work(
                task: Task { [executor] in try await executor.run { try maker.make() } },
                abort: abort, waiters: 0)
        }
        work.waiters += 1
        works[origin.name] = work
        let shared = work
        let result = await withTaskCancellationHandler {
            await shared.task.result
        } onCancel: {
            Task { await self.giveUp(shared, origin.name) }
        }
        if works[origin.name]?.task == shared.task { works[origin.name] = nil }
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
