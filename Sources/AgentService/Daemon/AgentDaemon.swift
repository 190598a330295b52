internal import ByteStream
internal import ContentStore
internal import Glibc
package import JobModel
internal import Logging
internal import SecretStore
internal import Transfer
internal import UVLoop
internal import Wire

/// The worker's daemon: one loop on which the agent's core decides, a journal that makes its
/// decisions durable, and the helpers that carry them out.
///
/// Everything that happens becomes an event in ``pending``; one pump takes all that wait as a turn,
/// steps the core, appends the turn's records to the journal and syncs them, and only then carries
/// out the turn's other effects. If the journal cannot be written, the process ends: what it would
/// have said must not be assumed, and the next start recovers from what is durable. Running tasks
/// do not depend on this process.
actor AgentDaemon {
    nonisolated let loop: UVLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let home: AgentHome
    let options: AgentOptions
    let logger: Logger
    let staging: TaskStaging
    let store: ObjectStore
    /// For the steps of tasks; transfers have threads of their own.
    let disk: BlockingExecutor
    let content: BlockingExecutor
    let inventory: TreeInventory
    var core: AgentCore
    private let journal: JournalWriter
    private var pending: [AgentEvent] = []
    private var isPumping = false

    /// Control streams by the number of their connection.
    var outboxes: [ConnectionID: ConnectionOutbox] = [:]
    var answers: [ConnectionID: CheckedContinuation<HelloAnswer, Never>] = [:]
    var nextConnection: UInt64 = 0
    var openConnections = 0
    /// Stagings that are going on.
    var stagings: [StartToken: Task<Void, Never>] = [:]
    /// Launched tasks that are watched until they end.
    var watches: [StartToken: TaskWatch] = [:]
    /// Supervisors of tasks that are no longer watched, to be reaped.
    var orphanedSupervisors: [Int32] = []
    var collections: Set<StartToken> = []
    let retention: TaskRetention
    /// Tasks of which only the log is to stay, by the names of their directories.
    var discarded: [String] = []
    var clearedSincePrune = 0
    /// Bulk streams that are served, so that they end with the session they were opened under.
    var bulkServices: [ConnectionID: BulkService] = [:]
    /// Ends the daemon.
    var leave: () -> Void = {}
    /// How often in a row a look found no task.
    var idleTicks = 0
    /// Rounds of the rescan.
    var ticks = 0
    var isLookingForPrograms = false
    let engines = EngineSurvey()
    /// The first look which engines work; `nil` once somebody has waited for it.
    var firstLook: Task<Void, Never>?
    let endpoints: GangEndpoints
    /// For finding out which tasks of a gang reach each other, which takes seconds where they do
    /// not.
    let probes: BlockingExecutor
    /// Since when nobody needs this agent.
    var idleSince: SteadyTime?

    init(loop: UVLoop, options: AgentOptions, logger: Logger) throws {
        self.loop = loop
        self.options = options
        self.logger = logger
        home = AgentHome(root: options.home)
        retention = TaskRetention(tasks: home.tasks)
        let (journal, records) = try Journal.open(in: home.root)
        let facts = AgentCore.Identity(
            agent: try home.identity(), incarnation: MachineFacts.incarnation(),
            capacity: MachineFacts.capacity(), platform: MachineFacts.platform(),
            release: options.release)
        core = AgentCore(identity: facts, records: records)
        try journal.rewrite(core.compacted(acceptedAt: .current))
        self.journal = try JournalWriter(journal)
        disk = try BlockingExecutor(name: "disk", threads: 4)
        content = try BlockingExecutor(name: "content", threads: 4)
        store = try ObjectStore(at: RawPath(options.store))
        inventory = TreeInventory(store: store)
        endpoints = try GangEndpoints()
        probes = try BlockingExecutor(name: "probes", threads: 4)
        staging = TaskStaging(
            home: home, store: store, inventory: inventory,
            environments: PythonEnvironments(
                directory: home.environments, platform: facts.platform,
                executor: try BlockingExecutor(name: "environments", threads: 2), disk: disk),
            images: ContainerImages(
                directory: home.images, store: store,
                executor: try BlockingExecutor(name: "images", threads: 4), disk: disk),
            mountAbility: MountAbility(
                initExecutable: options.initExecutable, directory: home.root),
            secrets: SecretVault(besides: options.socket, role: .agent), executor: disk,
            initExecutable: options.initExecutable)
    }

    /// Recovers what was under way before the last end of this agent.
    func recover() throws {
        pendingActs(try core.recover(at: .current))
        pump()
    }

    /// Adds something that happened; it is decided on in the order of these calls.
    func post(_ event: AgentEvent) {
        pending.append(event)
        pump()
    }

    private var recovered: [AgentEffect] = []

    private func pendingActs(_ effects: [AgentEffect]) { recovered += effects }

    private func pump() {
        if isPumping { return }
        isPumping = true
        Task { await turns() }
    }

    private func turns() async {
        while !pending.isEmpty || !recovered.isEmpty {
            var effects = recovered
            recovered = []
            let events = pending
            pending = []
            do {
                for event in events { effects += try core.step(event, at: .current) }
                let records = effects.compactMap { effect -> AgentRecord? in
                    if case .record(let record) = effect { record } else { nil }
                }
                if !records.isEmpty { try await makeDurable(records) }
            } catch {
                logger.critical("the agent cannot go on", metadata: ["error": "\(error)"])
                exit(1)
            }
            for effect in effects { perform(effect) }
        }
        isPumping = false
    }

    private func makeDurable(_ records: [AgentRecord]) async throws {
        if try await journal.append(records) {
            try await journal.rewrite(core.compacted(acceptedAt: .current))
        }
    }
}

/// How one agent is started.
package struct AgentOptions: Sendable {
    /// Absolute.
    package var home: String
    package var store: String
    package var socket: String
    package var initExecutable: String
    package var agentExecutable: String
    package var release: String
    /// Without a coordinator and without a live task for this long, the agent ends; with zero as
    /// soon as the last coordinator has gone.
    package var linger: Milliseconds

    package init(
        home: String, store: String, socket: String, initExecutable: String,
        agentExecutable: String, release: String, linger: Milliseconds
    ) {
        self.home = home
        self.store = store
        self.socket = socket
        self.initExecutable = initExecutable
        self.agentExecutable = agentExecutable
        self.release = release
        self.linger = linger
    }
}

extension Moment {
    static var current: Moment { Moment(wall: .current, steady: .current) }
}

extension WallTime {
    static var current: WallTime { WallTime(milliseconds: SystemClock.wallMilliseconds()) }
}

extension SteadyTime {
    static var current: SteadyTime {
        SteadyTime(milliseconds: SystemClock.steadyMilliseconds())
    }
}
