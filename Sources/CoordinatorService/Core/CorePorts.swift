internal import JobModel
internal import Synchronization

/// Where the core's acts go: replies to whoever asked, messages and transfers to the links, and a
/// timer. Called on the core's thread and never blocks it.
final class CorePorts: Sendable {
    private struct State {
        var replies: [RequestID: CheckedContinuation<CoordinatorReply, any Error>] = [:]
        var nextRequest: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let inbox: Inbox
    private let alarm: Alarm
    let fleet: Fleet
    let secrets: CoordinatorSecrets

    init(inbox: Inbox, fleet: Fleet, secrets: CoordinatorSecrets) {
        self.inbox = inbox
        self.fleet = fleet
        self.secrets = secrets
        alarm = Alarm(inbox: inbox)
    }

    func link(_ name: WorkerName) -> WorkerLink? { fleet.link(name) }

    func perform(_ effect: CoordinatorEffect) {
        switch effect {
        case .reply(let request, let reply):
            state.withLock { $0.replies.removeValue(forKey: request) }?.resume(returning: reply)
        case .open(let name, let fence): link(name)?.open(fence)
        case .send(let name, let fence, let message): link(name)?.send(message, under: fence)
        case .push(let name, let token, let tree, let references):
            link(name)?.push(tree, references, for: token)
        case .fetch(let name, let job, let tree): link(name)?.fetch(tree, of: job)
        case .handSecrets(let name, let token, let names, let clientKey):
            link(name)?.handSecrets(names, of: token, from: clientKey)
        case .dropSecrets(let clientKey): secrets.drop(clientKey)
        case .link(let record): fleet.keep(record)
        case .unlink(let name): fleet.drop(name)
        case .breakLink(let name, let fence, let reason):
            link(name)?.breakOff(fence, reason: reason)
        case .measure(let name, let fence, let tree): link(name)?.measure(tree, under: fence)
        case .wake(let moment): alarm.set(moment)
        case .commit, .commitWorker, .deleteWorker, .changed, .forget: break
        }
    }

    /// Asks the core for something and waits for the answer, which is durable.
    ///
    /// - Throws: ``CoordinatorStopping``.
    func ask(_ item: @Sendable (RequestID) -> Inbox.Item) async throws -> CoordinatorReply {
        let request = state.withLock { state in
            state.nextRequest += 1
            return RequestID(number: state.nextRequest)
        }
        let item = item(request)
        return try await withCheckedThrowingContinuation { continuation in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.replies[request] = continuation }
                return state.isClosed
            }
            if isClosed {
                continuation.resume(throwing: CoordinatorStopping())
                return
            }
            Task { await inbox.post(item) }
        }
    }

    /// Fails whoever still waits.
    func close() {
        let waiting = state.withLock { state in
            defer { state.replies = [:] }
            state.isClosed = true
            return Array(state.replies.values)
        }
        for continuation in waiting { continuation.resume(throwing: CoordinatorStopping()) }
        alarm.close()
    }
}

/// The coordinator ends, and the request was not carried out: the next one is to be asked.
struct CoordinatorStopping: Error {
    static let shown = ShuntError(
        .unreachable, "the coordinator is stopping", hint: "shunt ps")
}

/// One pending tick, at the earliest moment that was asked for.
final class Alarm: Sendable {
    private struct State {
        var earliest: SteadyTime?
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let inbox: Inbox

    init(inbox: Inbox) { self.inbox = inbox }

    func set(_ moment: SteadyTime) {
        state.withLock { state in
            if let earliest = state.earliest, earliest <= moment { return }
            state.earliest = moment
            state.task?.cancel()
            state.task = Task { [self] in
                let delay = moment - SteadyTime.current
                do { try await Task.sleep(for: .milliseconds(delay.count)) } catch { return }
                self.state.withLock { $0.earliest = nil }
                var random = SystemRandomNumberGenerator()
                await inbox.post(.event(.tick(random: random.next())))
            }
        }
    }

    func close() { state.withLock { $0.task?.cancel() } }
}
