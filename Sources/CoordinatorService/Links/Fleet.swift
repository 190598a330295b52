internal import ByteStream
internal import JobModel
internal import Logging
internal import Synchronization

/// The links to all workers that are known, one for each, kept for the life of the process.
///
/// The core says which there are. Connections to many workers are opened a few at a time.
final class Fleet: Sendable {
    /// Makes what reaches a worker.
    typealias MakeConnector = @Sendable (WorkerRecord) -> any WorkerConnector

    /// What all links share.
    struct Context: Sendable {
        var coordinator: CoordinatorID
        var release: String
        var inbox: Inbox
        var content: CoordinatorContent
        var secrets: CoordinatorSecrets
        var logger: Logger
        /// Lets few connections be opened at once. One to a near host takes a fraction of this.
        let opening = Turnstile(limit: 8, patience: .milliseconds(500))
    }

    private struct State {
        var links: [WorkerName: Kept] = [:]
        var isClosed = false
    }

    private struct Kept {
        var record: WorkerRecord
        var link: WorkerLink
        var task: Task<Void, Never>
    }

    private let context: Context
    private let makeConnector: MakeConnector
    private let state = Mutex(State())
    private let closing = Gate()

    init(context: Context, makeConnector: @escaping MakeConnector) {
        self.context = context
        self.makeConnector = makeConnector
    }

    func link(_ name: WorkerName) -> WorkerLink? { state.withLock { $0.links[name]?.link } }

    /// Keeps a link to a worker from now on; one that leads elsewhere is given up.
    func keep(_ record: WorkerRecord) {
        let known = state.withLock { $0.links[record.name] }
        if let known, known.record.address == record.address,
            known.record.directory == record.directory
        {
            known.link.hurry()
            return
        }
        let link = WorkerLink(
            name: record.name, connector: makeConnector(record), context: context)
        let previous = state.withLock { state -> Kept? in
            guard !state.isClosed else { return nil }
            let task = Task { await link.run() }
            return state.links.updateValue(
                Kept(record: record, link: link, task: task), forKey: record.name)
        }
        previous?.task.cancel()
    }

    func drop(_ name: WorkerName) {
        state.withLock { $0.links.removeValue(forKey: name) }?.task.cancel()
    }

    /// Has every link that waits before its next try make it now.
    func hurryAll() {
        for kept in state.withLock({ Array($0.links.values) }) { kept.link.hurry() }
    }

    /// The same for those that wait for a person.
    func hurryLogins() {
        for kept in state.withLock({ Array($0.links.values) }) { kept.link.hurryLogin() }
    }

    /// Returns once the task is cancelled and every link has ended.
    func run() async {
        await withTaskCancellationHandler {
            await closing.wait()
        } onCancel: {
            closing.open()
        }
        let kept = state.withLock { state in
            state.isClosed = true
            return Array(state.links.values)
        }
        for one in kept { one.task.cancel() }
        for one in kept { await one.task.value }
    }
}

/// Lets at most so many through at once; the others wait in the order in which they came. Whoever
/// is slow, a host that does not answer for one, makes way after a while and goes on beside them.
final class Turnstile: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let patience: Duration

    /// - Parameter patience: after which somebody inside no longer counts.
    init(limit: Int, patience: Duration) {
        state = Mutex(State(free: limit))
        self.patience = patience
    }

    /// Waiting ignores cancellation: what is inside is bounded in time.
    func pass<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        let place = Place(self)
        let slow = Task { [patience] in
            try await Task.sleep(for: patience)
            place.leave()
        }
        defer {
            slow.cancel()
            place.leave()
        }
        return try await body()
    }

    /// One who is inside, and leaves once.
    private final class Place: Sendable {
        private let turnstile: Turnstile
        private let isTaken = Atomic(true)

        init(_ turnstile: Turnstile) { self.turnstile = turnstile }

        func leave() {
            if isTaken.exchange(false, ordering: .acquiringAndReleasing) { turnstile.leave() }
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
