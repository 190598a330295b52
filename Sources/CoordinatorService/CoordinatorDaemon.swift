internal import ByteStream
internal import ContentStore
internal import Foundation
internal import Glibc
internal import Hummingbird
package import JobModel
internal import Ledger
package import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The coordinator as a process: one lock, one ledger, one core, the links to its workers, and the
/// HTTP API on a Unix socket.
///
/// The lock is taken before anything else is touched, so that two coordinators on one home are
/// impossible: the second is refused. It ends on a request, on SIGTERM, when a commit fails, and by
/// itself after a while with nothing to do.
package struct CoordinatorDaemon: Sendable {
    /// Where everything is; the directories exist and are this account's.
    package var layout: HomeLayout
    /// The agent's executable for the local worker, absolute.
    package var agentExecutable: String
    package var release: String
    /// Reads the configuration's rules on data, each time as they are.
    package var readRules: @Sendable () -> DataRules
    package var logger: Logger

    /// Without a live job and without a request for this long, the coordinator ends.
    package static let idleLimit = Milliseconds.minutes(15)
    /// Between two looks at whether socket, store and ledger are still there.
    private static let placeCheck = Duration.seconds(5)
    /// What somebody removes is not gone in one moment.
    private static let removalTime = Duration.seconds(1)
    /// From the last commit to the end of the process.
    private static let stopLimit = Duration.seconds(3)

    package init(
        layout: HomeLayout, agentExecutable: String, release: String,
        readRules: @escaping @Sendable () -> DataRules, logger: Logger
    ) {
        self.layout = layout
        self.agentExecutable = agentExecutable
        self.release = release
        self.readRules = readRules
        self.logger = logger
    }

    /// Another coordinator has the home; it is the one to talk to.
    package struct AlreadyRunning: Error {}

    /// Why a coordinator that did not fail has ended.
    package enum Ending: Sendable {
        case stopped
        /// Its socket or its store was removed, so that it is of no use to anybody; there is work
        /// for another all the same.
        case uprooted
    }

    /// Serves until the coordinator is to end.
    ///
    /// - Parameter isReady: called once the socket is bound.
    /// - Throws: ``AlreadyRunning``; ``ShuntError``: `refused` if a newer release wrote the home,
    ///   `failed` for a disk that does not keep what it is given.
    package func serve(isReady: @escaping @Sendable () -> Void) async throws -> Ending {
        let lock = try FileLock(path: layout.coordinatorLock)
        defer { lock.release() }
        let ledger = try Ledger(path: layout.ledgerFile)
        var random = SystemRandomNumberGenerator()
        let (id, epoch) = try ledger.beginEpoch(
            candidate: CoordinatorID(high: random.next(), low: random.next()))
        let known = try ledger.workers()
        let workers = known.contains { $0.name == .local } ? known : [.local] + known
        let rules = CurrentRules(readRules)
        let labelled = try LabelledOutputs(ledger)
        let jobs = try ledger.unsettledJobs()
        let secrets = try CoordinatorSecrets(layout: layout, logger: logger)
        let withoutSecrets = secrets.recover(jobs)
        let core = CoordinatorCore(
            id: id, epoch: epoch, workers: workers, jobs: jobs,
            lastSequence: try ledger.lastSequence(), rules: rules.current,
            at: Moment(wall: .current, steady: .current))
        let inbox = Inbox()
        let content = CoordinatorContent(
            store: try ObjectStore(at: RawPath(layout.storeDirectory)),
            executor: try BlockingExecutor(name: "content"))
        let authentication = AuthenticationSocket(
            getenv("SSH_AUTH_SOCK").map { String(cString: $0) })
        let fleet = Fleet(
            context: Fleet.Context(
                coordinator: id, release: release, inbox: inbox, content: content,
                secrets: secrets, logger: logger),
            makeConnector: { connector(for: $0, authentication) })
        let ports = CorePorts(inbox: inbox, fleet: fleet, secrets: secrets)
        Task { for job in withoutSecrets { await inbox.post(.event(.secretsLost(job))) } }
        let activity = ActivityClock()
        let coordinator = Coordinator(
            inbox: inbox, ports: ports,
            identity: Coordinator.Identity(
                id: id, epoch: epoch, release: release, pid: getpid(), startedAt: .current,
                home: layout.root),
            activity: activity, authentication: authentication, rules: rules, labelled: labelled)
        try makeRuntimeDirectory()
        try UnixSocket.removeSocket(path: layout.coordinatorSocket)
        logger.notice(
            "coordinator started", metadata: ["id": "\(id)", "epoch": "\(epoch)"])
        let loop = CoreThread(
            core: core, ledger: ledger, inbox: inbox, ports: ports, labelled: labelled,
            logger: logger)
        for worker in workers { fleet.keep(worker) }
        let ending = try await run(coordinator, loop, fleet, activity, content.store, isReady)
        logger.notice("coordinator ended")
        return ending
    }

    private func connector(
        for worker: WorkerRecord, _ authentication: AuthenticationSocket
    ) -> any WorkerConnector {
        guard let address = worker.address else {
            return LocalConnector(layout: layout, executable: agentExecutable)
        }
        return SSHConnector(
            worker: worker.name, address: address, directory: worker.directory, layout: layout,
            authentication: authentication)
    }

    private func run(
        _ coordinator: Coordinator, _ loop: CoreThread, _ fleet: Fleet,
        _ activity: ActivityClock, _ store: ObjectStore, _ isReady: @escaping @Sendable () -> Void
    ) async throws -> Ending {
        let bound = Gate()
        let uprooted = Gate()
        let application = Application(
            router: CoordinatorAPI(coordinator: coordinator).router(),
            configuration: .init(
                address: .unixDomainSocket(path: layout.coordinatorSocket),
                serverName: "shunt"),
            onServerRunning: { _ in
                bound.open()
                isReady()
            },
            logger: quiet(logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await loop.run() }
            group.addTask { await fleet.run() }
            group.addTask { try await application.run() }
            group.addTask { await coordinator.waitForStop() }
            group.addTask { try await Self.endWhenIdle(coordinator, activity) }
            group.addTask { await Self.endOnSignal() }
            group.addTask { try await Self.followRules(coordinator) }
            group.addTask {
                try await endWhenUprooted(once: bound, store)
                uprooted.open()
            }
            // The first that ends, for whatever reason, ends all.
            defer {
                coordinator.ports.close()
                group.cancelAll()
            }
            let failure = await Self.firstFailure(&group)
            if let failure {
                logger.critical("the coordinator cannot go on", metadata: ["error": "\(failure)"])
            }
            // What was asked before the end is committed and answered.
            coordinator.requestStop()
            await loop.stop()
            endAnyway(after: Self.stopLimit, code: failure == nil ? 0 : 1)
            coordinator.ports.close()
            group.cancelAll()
            Self.removeSocket(of: layout)
            if let failure { throw failure }
        }
        return uprooted.isOpen && hasLedger ? .uprooted : .stopped
    }

    /// Waits for the first of the group to end.
    ///
    /// - Returns: why, if it failed: a commit that did not become durable, for one.
    private static func firstFailure(
        _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async -> (any Error)? {
        do {
            try await group.next()
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return error
        }
    }

    /// An agent of this home that has just ended may have taken the empty directory with it.
    private func makeRuntimeDirectory() throws {
        let path = layout.runtimeDirectory
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw ShuntError(
                .failed, "`\(path)` cannot be made: \(String(cString: strerror(errno)))",
                hint: "df -h /tmp; ls -ld /tmp")
        }
    }

    /// Removes the socket and, where nothing else is in it, its directory: as long as the agent's
    /// socket is there, that stays, and goes with the agent.
    private static func removeSocket(of layout: HomeLayout) {
        unlink(layout.coordinatorSocket)
        rmdir(layout.runtimeDirectory)
    }

    /// A connection or a transfer that does not let itself be cancelled must not keep the lock of
    /// the home: all that was promised is durable by now, and the rest is for the next coordinator.
    private func endAnyway(after limit: Duration, code: Int32) {
        Task.detached { [layout, logger] in
            // Nothing cancels it.
            try? await Task.sleep(for: limit)
            logger.warning("ended although something did not stop")
            Self.removeSocket(of: layout)
            // Not `exit`: what did not stop may be in the midst of a library.
            _exit(code)
        }
    }

    /// Hummingbird tells of every start and stop; this process has its own words for that.
    private func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = .critical
        return quiet
    }

    private static func endWhenIdle(
        _ coordinator: Coordinator, _ activity: ActivityClock
    ) async throws {
        while true {
            try await Task.sleep(for: .seconds(30))
            guard activity.idle > idleLimit else { continue }
            let isIdle = try await coordinator.peek { $0.core.isIdle }
            if isIdle { return }
        }
    }

    /// A home without its ledger is none any more, and a successor would make an empty one of it.
    private var hasLedger: Bool { access(layout.ledgerFile, F_OK) == 0 }

    /// Returns when the socket is not there any more, the store, or the ledger: nobody can reach
    /// this process from then on, or it finds nothing, or nothing that it writes is kept, and as
    /// long as it has the lock, no other can serve the home.
    private func endWhenUprooted(once bound: Gate, _ store: ObjectStore) async throws {
        while !bound.isOpen { try await Task.sleep(for: Self.placeCheck) }
        let socket = SocketWatch(layout.coordinatorSocket)
        while socket.isInPlace, store.isInPlace, hasLedger {
            try await Task.sleep(for: Self.placeCheck)
        }
        logger.warning(
            "the socket, the store or the ledger was removed or replaced; the coordinator ends",
            metadata: ["socket": "\(layout.coordinatorSocket)", "home": "\(layout.root)"])
        try await Task.sleep(for: Self.removalTime)
    }

    /// For jobs that wait while somebody edits the configuration; every submission looks as well.
    private static func followRules(_ coordinator: Coordinator) async throws {
        while true {
            try await Task.sleep(for: placeCheck)
            await coordinator.followRules()
        }
    }

    private static func endOnSignal() async {
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { return }
    }
}

/// The core's loop on its thread, as something that a task can wait for.
final class CoreThread: Sendable {
    private let inbox: Inbox
    private let outcome = Mutex<Result<Void, any Error>?>(nil)
    private let ended = Gate()
    private let body: @Sendable () throws -> Void

    init(
        core: CoordinatorCore, ledger: Ledger, inbox: Inbox, ports: CorePorts,
        labelled: LabelledOutputs, logger: Logger
    ) {
        self.inbox = inbox
        body = {
            var loop = CoreLoop(
                core: core, ledger: ledger, inbox: inbox, ports: ports, labelled: labelled,
                logger: logger)
            try loop.run()
        }
    }

    /// Runs the loop to its end.
    func run() async throws {
        try NativeThread.start(name: "core") { [self] in
            let result = Result { try body() }
            outcome.withLock { $0 = result }
            inbox.close()
            ended.open()
        }
        await ended.wait()
        try outcome.withLock { $0 }?.get()
    }

    /// Lets the loop carry out what is in its inbox, and end.
    func stop() async {
        await inbox.post(.stop)
        await ended.wait()
    }
}
