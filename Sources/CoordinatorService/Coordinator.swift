internal import ByteStream
internal import JobModel
internal import Ledger
internal import Logging
internal import Synchronization

/// What the HTTP API asks of a running coordinator. Every answer is about durable state.
final class Coordinator: Sendable {
    let inbox: Inbox
    let ports: CorePorts
    private let stopping = Gate()
    private let waiterNumbers = Mutex<UInt64>(0)
    private let activity: ActivityClock
    let identity: Identity
    private let authentication: AuthenticationSocket
    let rules: CurrentRules
    let labelled: LabelledOutputs

    /// What `GET /v1/status` says besides counts.
    struct Identity: Sendable {
        var id: CoordinatorID
        var epoch: UInt64
        var release: String
        var pid: Int32
        var startedAt: WallTime
        var home: String
    }

    init(
        inbox: Inbox, ports: CorePorts, identity: Identity, activity: ActivityClock,
        authentication: AuthenticationSocket, rules: CurrentRules, labelled: LabelledOutputs
    ) {
        self.rules = rules
        self.labelled = labelled
        self.authentication = authentication
        self.inbox = inbox
        self.ports = ports
        self.identity = identity
        self.activity = activity
    }

    func requestStop() { stopping.open() }

    /// Takes over the ssh-agent of the person who gave a command. Links that failed are tried again
    /// at once if it is another one; those that wait for a key also if it may hold one by now.
    func noteAuthenticationSocket(_ path: String) {
        if authentication.set(path) { ports.fleet.hurryAll() } else { ports.fleet.hurryLogins() }
    }

    func waitForStop() async { await stopping.wait() }

    /// Runs a closure over durable state on the core's thread and returns what it returns.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (inout CoreTurn) throws -> Value
    ) async throws -> Value {
        activity.touch()
        return try await peek(body)
    }

    /// ``read(_:)`` for our own curiosity, which keeps nothing alive.
    func peek<Value: Sendable>(
        _ body: @escaping @Sendable (inout CoreTurn) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let query = Inbox.Query(
                run: { turn in continuation.resume(with: Result { try body(&turn) }) },
                drop: { continuation.resume(throwing: CoordinatorStopping()) })
            Task { await inbox.post(.query(query)) }
        }
    }

    func status() async throws -> CoordinatorStatus {
        let identity = identity
        return try await read { turn in
            CoordinatorStatus(
                id: identity.id, epoch: identity.epoch, release: identity.release,
                pid: identity.pid, startedAt: identity.startedAt, home: identity.home,
                queuedJobs: turn.core.queuedCount,
                activeJobs: turn.core.order.count - turn.core.queuedCount)
        }
    }

    func submit(_ request: SubmitRequest) async throws -> JobID {
        activity.touch()
        try request.validate()
        try request.validateSecrets()
        await followRules()
        var request = request
        request.inputs = try await labelled(
            request.inputs, of: request.spec, secrets: request.secrets ?? [])
        guard let secrets = request.secrets.take() else { return try await taken(request) }
        // Before the job is durable, so that a job that is never lacks them.
        try await ports.secrets.keep(secrets, for: request.clientKey)
        let id: JobID
        do {
            id = try await taken(request)
        } catch let error as ShuntError {
            ports.secrets.drop(request.clientKey)
            throw error
        }
        // A submission that is repeated when its job is over already.
        let isLive = try await read { $0.core.job(id)?.state.isTerminal == false }
        if !isLive { ports.secrets.drop(request.clientKey) }
        return id
    }

    private func taken(_ request: SubmitRequest) async throws -> JobID {
        switch try await ports.ask({ .submit(request, $0) }) {
        case .submitted(let id): return id
        case .failed(let error): throw error
        case .done: preconditionFailure("a submission is answered with an ID or an error")
        }
    }

    func jobs(all: Bool, limit: Int, name: String?) async throws -> [JobView] {
        try await read { turn in
            try turn.ledger.jobs(all: all, limit: limit)
                .filter { name == nil || $0.spec.name?.text == name }
                .map { try turn.view($0.id) }
        }
    }

    /// The job, at once or as soon as its version is above `after`.
    func job(_ reference: String, after: UInt64?, wait: Milliseconds) async throws -> JobView {
        let view = try await read { try $0.view(reference) }
        guard let after, view.version <= after, !view.isSettled, wait.count > 0 else {
            return view
        }
        await waitForChange(of: view.id, beyond: after, atMost: wait)
        return try await read { try $0.view(view.id) }
    }

    /// Returns at the next change of the job, at once if its version is above `version`, and
    /// after `wait` at the latest.
    private func waitForChange(
        of id: JobID, beyond version: UInt64, atMost wait: Milliseconds
    ) async {
        let number = waiterNumbers.withLock { number in
            number += 1
            return number
        }
        let timer = Task { [inbox] in
            do { try await Task.sleep(for: .milliseconds(wait.count)) } catch { return }
            // A core that has ended has let everybody go who waited.
            await inbox.post(
                .query(
                    Inbox.Query(
                        run: { $0.watchers.expire(number: number, for: id) }, drop: {})))
        }
        await withCheckedContinuation { waiter in
            let query = Inbox.Query(
                run: { turn in
                    let current = turn.core.job(id)?.version
                    if let current, current <= version {
                        turn.watchers.add(waiter, number: number, for: id)
                    } else {
                        waiter.resume()
                    }
                }, drop: { waiter.resume() })
            Task { await inbox.post(.query(query)) }
        }
        timer.cancel()
    }

    func cancel(_ reference: String, immediately: Bool) async throws {
        let id = try await read { try $0.ledger.resolve(reference) }
        try await ask { .event(.cancel(id, immediately: immediately, $0)) }
    }

    func signal(_ reference: String, number: Int32) async throws {
        let id = try await read { try $0.ledger.resolve(reference) }
        try await ask { .event(.signal(id, number: number, $0)) }
    }

    func fetch(_ reference: String) async throws -> JobView {
        let id = try await read { try $0.ledger.resolve(reference) }
        try await ask { .event(.fetch(id, $0)) }
        return try await read { try $0.view(id) }
    }

    func ask(_ item: @Sendable (RequestID) -> Inbox.Item) async throws {
        activity.touch()
        if case .failed(let error) = try await ports.ask(item) { throw error }
    }
}

extension JobView {
    /// Whether nothing about the job changes any more by itself.
    var isSettled: Bool { state.isTerminal && outputsFetch != .fetching }
}

/// When somebody last asked for something.
final class ActivityClock: Sendable {
    private let last = Mutex(SteadyTime.current)

    func touch() { last.withLock { $0 = .current } }

    var idle: Milliseconds { last.withLock { SteadyTime.current - $0 } }
}

extension SteadyTime {
    static var current: SteadyTime {
        SteadyTime(milliseconds: SystemClock.steadyMilliseconds())
    }
}

extension WallTime {
    static var current: WallTime { WallTime(milliseconds: SystemClock.wallMilliseconds()) }
}
