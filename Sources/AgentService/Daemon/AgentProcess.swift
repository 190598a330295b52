internal import ByteStream
internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import Logging
internal import Synchronization
internal import UVLoop

/// The daemon as a process: takes the lock of its home, listens, recovers, and ends when nobody
/// needs it. Tasks that run do not depend on it.
struct AgentProcess {
    let options: AgentOptions

    /// Returns when the agent is to end. The loop runs on the calling thread, the process's first:
    /// the one that takes signals.
    func run() throws {
        var logger = Logger(label: "agent")
        logger.logLevel = .notice
        let lock = try AgentHome(root: options.home).prepare()
        defer { _ = close(lock) }
        guard access(options.initExecutable, X_OK) == 0 else {
            throw ShuntError(
                .notFound, "`\(options.initExecutable)` is missing",
                hint: "make install")
        }
        let loop = try UVLoop()
        let daemon = try AgentDaemon(loop: loop, options: options, logger: logger)
        try UnixSocket.removeSocket(path: options.socket)
        let outcome = Mutex<Result<Void, any Error>?>(nil)
        Task {
            do {
                await daemon.staging.environments.removeAbandonedBuilds()
                await daemon.staging.images.removeLeftovers()
                await daemon.removeOldSecrets()
                try await daemon.recover()
                await daemon.recoverDiscarded()
                let listener = try UVListener(path: options.socket, on: loop)
                logger.notice("agent started", metadata: ["home": "\(options.home)"])
                try await daemon.serve(listener)
                outcome.withLock { $0 = .success(()) }
            } catch {
                outcome.withLock { $0 = .failure(error) }
            }
            loop.stop()
        }
        loop.run()
        removeSocket()
        logger.notice("agent ended")
        try outcome.withLock { $0 }?.get()
    }

    /// Removes the socket and its directory, which stays where a coordinator's socket is in it.
    private func removeSocket() {
        unlink(options.socket)
        guard let slash = options.socket.lastIndex(of: "/"), slash > options.socket.startIndex
        else { return }
        rmdir(String(options.socket[..<slash]))
    }
}

extension AgentDaemon {
    private static let rescanInterval = Duration.seconds(1)
    /// What an agent that was just started is given until its coordinator comes.
    private static let firstLinger = Milliseconds.seconds(3)

    /// Serves coordinators until the agent is to end.
    func serve(_ listener: UVListener) async throws {
        let children = try SignalWatch(SIGCHLD, on: loop) { [weak self] in
            self?.assumeIsolated { $0.reapSupervisors() }
        }
        let (terminated, terminate) = AsyncStream<Void>.makeStream()
        leave = { terminate.yield() }
        let termination = try SignalWatch(SIGTERM, on: loop) { terminate.yield() }
        defer {
            children.close()
            termination.close()
        }
        // An engine that does not work is known as such before the first coordinator asks.
        firstLook = Task {
            // It cannot fail: what cannot be asked does not answer.
            _ = try? await disk.run { [engines] in engines.working(asks: true) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.acceptConnections(from: listener) }
            group.addTask { try await self.rescan() }
            group.addTask { for await _ in terminated { return } }
            defer { group.cancelAll() }
            try await group.next()
            await listener.close()
        }
    }

    /// Looks at everything once a second, and returns when nobody needs the agent any more.
    private func rescan() async throws {
        while true {
            try await loop.sleep(for: Self.rescanInterval)
            lookAtAll()
            await clearDiscarded()
            await giveMemoryBack()
            renewPrograms()
            // Somebody cleared /tmp: whoever comes next starts an agent that can be reached.
            if access(options.socket, F_OK) != 0, errno == ENOENT {
                logger.warning("the socket is gone; this agent ends")
                return
            }
            if !staging.store.isInPlace {
                logger.warning("the store was removed or replaced; this agent ends")
                return
            }
            guard openConnections == 0, !core.isBusy else {
                idleSince = nil
                continue
            }
            let since = idleSince ?? .current
            idleSince = since
            let linger = max(options.linger, Self.firstLinger)
            if (SteadyTime.current - since) >= linger { return }
        }
    }

    /// Engines and interpreters come and go while an agent runs for months. In a task of its own,
    /// since a file server that does not answer may hold it up.
    private func renewPrograms() {
        ticks += 1
        guard ticks.isMultiple(of: Self.programInterval), !outboxes.isEmpty, !isLookingForPrograms
        else { return }
        isLookingForPrograms = true
        Task {
            // It cannot fail: what cannot be listed is not there.
            if let found = try? await disk.run({ [engines] in Self.programs(engines, asks: true) })
            {
                if found != core.programs { post(.programs(found)) }
            }
            isLookingForPrograms = false
        }
    }

    /// Rounds of ``rescan()`` between two looks.
    private static let programInterval = 10

    /// Waits until it is known which engines work, but not for one that does not answer.
    func awaitFirstLook() async {
        guard let look = firstLook else { return }
        await withTaskGroup { group in
            group.addTask { await look.value }
            // Ends early only with the group.
            group.addTask { try? await Task.sleep(for: Self.firstLookLimit) }
            await group.next()
            group.cancelAll()
        }
        firstLook = nil
    }

    private static let firstLookLimit = Duration.seconds(2)

    /// Blocks for moments; see ``EngineSurvey/working(asks:)``.
    static func programs(_ engines: EngineSurvey, asks: Bool) -> WorkerPrograms {
        WorkerPrograms(engines: engines.working(asks: asks), tools: BuildToolSearch.look())
    }

    /// The allocator keeps what a burst of jobs or a large tree took, and a worker's memory is for
    /// jobs.
    private func giveMemoryBack() async {
        guard !core.isBusy else {
            idleTicks = 0
            return
        }
        idleTicks += 1
        guard idleTicks == Self.trimAfter else { return }
        // It cannot fail: without it the memory is there for the next burst.
        try? await disk.run { _ = malloc_trim(0) }
    }

    /// Looks in a row that found no task.
    private static let trimAfter = 3

    /// After the end of a connection: an agent that is not to linger is no longer needed.
    func leaveIfUnneeded() {
        if options.linger.count == 0, openConnections == 0, !core.isBusy { leave() }
    }
}
