internal import ByteStream
internal import ContentStore
internal import Foundation
internal import JobModel
internal import Logging
internal import Synchronization
internal import Transfer
internal import Wire

/// The connections to one worker: a control stream that is opened again whenever it breaks, and
/// bulk streams for content and logs beside it.
///
/// Decides nothing. It asks the core for a fence before it connects, tells it what arrives, and
/// sends what the core hands it; a link whose peer does not read is broken and opened again, since
/// what is queued for it is bounded.
final class WorkerLink: Sendable {
    let name: WorkerName
    private let connector: any WorkerConnector
    private let context: Fleet.Context
    private let bulk: BulkPool
    private let fences: AsyncStream<Fence>
    private let fenceArrived: AsyncStream<Fence>.Continuation
    private let session = Mutex<Session?>(nil)
    private let transfers = Mutex<[UInt64: Task<Void, Never>]>([:])
    /// The pause before the next try, which somebody may cut short.
    private let pause = Mutex<Pause?>(nil)

    var inbox: Inbox { context.inbox }
    var logger: Logger { context.logger }
    var content: CoordinatorContent { context.content }
    var secrets: CoordinatorSecrets { context.secrets }

    /// The open control stream, as far as whoever sends is concerned.
    private struct Session {
        var fence: Fence
        var outbound: AsyncStream<CoordinatorMessage>.Continuation
        /// Ends the session with a reason.
        var end: AsyncStream<String>.Continuation
    }

    /// Between two tries.
    private struct Pause {
        var sleep: Task<Void, any Error>
        var since: SteadyTime
        var needsLogin: Bool
    }

    /// How a try to connect, or a connection, ended.
    private struct Ending {
        var reason: String
        var login: LoginNeed?
        var wasConnected = false
    }

    /// Messages that wait for the stream to take them.
    private static let outboundLimit = 65_536
    private static let handshakeLimit = Duration.seconds(15)
    private static let firstBackoff: Int64 = 100
    private static let longestBackoff: Int64 = 15_000
    /// Before a try that only a person can make succeed, and that nobody asked for.
    private static let loginBackoff: Int64 = 60_000
    /// However many commands a person gives, there is so much time between two tries to log in.
    private static let shortestLoginBackoff = Milliseconds.seconds(1)

    init(name: WorkerName, connector: any WorkerConnector, context: Fleet.Context) {
        self.name = name
        self.connector = connector
        self.context = context
        bulk = BulkPool(
            connector: connector, coordinator: context.coordinator, release: context.release)
        (fences, fenceArrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Keeps the link until the task is cancelled.
    func run() async {
        var backoff = Self.firstBackoff
        var iterator = fences.makeAsyncIterator()
        while !Task.isCancelled {
            await inbox.post(.event(.connecting(name)))
            guard let fence = await iterator.next() else { break }
            let ending = await hold(fence)
            await bulk.closeAll()
            await connector.close()
            await inbox.post(
                .event(
                    .disconnected(
                        name, fence, reason: ending.reason, login: ending.login)))
            if Task.isCancelled { break }
            logger.notice(
                "worker unreachable; its attempts keep running",
                metadata: ["worker": "\(name)", "reason": "\(ending.reason)"])
            if ending.wasConnected { backoff = Self.firstBackoff }
            let longest = ending.login != nil ? Self.loginBackoff : backoff
            await rest(
                Int64.random(in: longest / 2...longest), needsLogin: ending.login != nil)
            backoff = min(Self.longestBackoff, backoff * 2)
        }
        fenceArrived.finish()
        for task in transfers.withLock({ Array($0.values) }) { task.cancel() }
        await bulk.closeAll()
        await connector.close()
    }

    /// Waits before the next try, or until somebody is in a hurry.
    private func rest(_ milliseconds: Int64, needsLogin: Bool) async {
        let sleep = Task { try await Task.sleep(for: .milliseconds(milliseconds)) }
        let begun = Pause(sleep: sleep, since: .current, needsLogin: needsLogin)
        pause.withLock { $0 = begun }
        await withTaskCancellationHandler {
            // How it ended makes no difference: the next try is due.
            _ = await sleep.result
        } onCancel: {
            sleep.cancel()
        }
        pause.withLock { $0 = nil }
    }

    /// Cuts the pause before the next try short, if there is one.
    func hurry() { pause.withLock { $0 }?.sleep.cancel() }

    /// The same where a person was needed, who may have loaded a key since.
    func hurryLogin() {
        guard let pause = pause.withLock({ $0 }), pause.needsLogin else { return }
        let rest = Self.shortestLoginBackoff.count - (SteadyTime.current - pause.since).count
        guard rest > 0 else { return pause.sleep.cancel() }
        Task {
            // Nobody cancels it; at worst a pause is cut short that has ended.
            try? await Task.sleep(for: .milliseconds(rest))
            pause.sleep.cancel()
        }
    }

    /// Opens a control stream and serves it until it breaks.
    private func hold(_ fence: Fence) async -> Ending {
        do {
            let hello = Hello(
                coordinator: context.coordinator, fence: fence, role: .control,
                release: context.release)
            let (control, welcome) = try await context.opening.pass {
                try await connector.connect {
                    try await Handshake.openControl(
                        over: $0, hello, within: Self.handshakeLimit)
                }
            }
            bulk.allow(fence)
            let (outbound, sender) = AsyncStream<CoordinatorMessage>.makeStream(
                bufferingPolicy: .bufferingOldest(Self.outboundLimit))
            let (ends, end) = AsyncStream<String>.makeStream(bufferingPolicy: .bufferingOldest(1))
            session.withLock { $0 = Session(fence: fence, outbound: sender, end: end) }
            await inbox.post(.event(.connected(name, fence, welcome)))
            let reason = await serve(control, fence, outbound, ends)
            session.withLock { $0 = nil }
            sender.finish()
            await control.close()
            return Ending(reason: reason, wasConnected: true)
        } catch let login as NeedsLogin {
            return Ending(
                reason: login.error.message, login: LoginNeed(remedy: login.error.hint))
        } catch let error as ShuntError {
            return Ending(reason: error.message)
        } catch {
            return Ending(reason: "\(error)")
        }
    }

    private func serve(
        _ control: ControlConnection, _ fence: Fence,
        _ outbound: AsyncStream<CoordinatorMessage>, _ ends: AsyncStream<String>
    ) async -> String {
        let pulse = LinkPulse()
        return await withTaskGroup(of: String.self) { group in
            group.addTask { [name, inbox] in
                do {
                    while let message = try await control.receive() {
                        pulse.heard()
                        await inbox.post(.event(.message(name, fence, message)))
                    }
                    return "the agent closed the connection"
                } catch {
                    return "\(error)"
                }
            }
            group.addTask {
                do {
                    for await message in outbound { try await control.send(message) }
                    return "too much was queued for the agent"
                } catch {
                    return "\(error)"
                }
            }
            group.addTask { [name, inbox] in
                await pulse.watch(
                    ping: { self.send(.ping($0), under: fence) },
                    onSilence: { silence in
                        let since = WallTime.current.milliseconds - silence.count
                        await inbox.post(
                            .event(.silent(name, fence, since: WallTime(milliseconds: since))))
                    })
            }
            group.addTask {
                for await reason in ends { return reason }
                return "closed"
            }
            let reason = await group.next() ?? "closed"
            await control.close()
            group.cancelAll()
            return reason
        }
    }
}

extension WorkerLink {
    /// The core's answer to `connecting`.
    func open(_ fence: Fence) { fenceArrived.yield(fence) }

    /// Queues a message for the stream that was opened under this fence; dropped if that is gone,
    /// since the next one begins with a reconciliation.
    func send(_ message: CoordinatorMessage, under fence: Fence) {
        session.withLock { session in
            guard let current = session, current.fence == fence else { return }
            if case .dropped = current.outbound.yield(message) { current.outbound.finish() }
        }
    }

    /// Ends the session that was opened under this fence.
    func breakOff(_ fence: Fence, reason: String) {
        session.withLock { session in
            guard let current = session, current.fence == fence else { return }
            current.end.yield(reason)
        }
    }

    /// Finds out what the worker lacks of a tree.
    func measure(_ tree: TreeReference, under fence: Fence) {
        start { [self] in
            var missing: ByteCount?
            do {
                missing = try await bulk.with { stream in
                    try await content.missing(tree, over: stream)
                }
            } catch {
                logger.notice(
                    "what a worker lacks could not be found out",
                    metadata: ["worker": "\(name)", "error": "\(error)"])
            }
            await inbox.post(.event(.measured(name, fence, tree, missing: missing)))
        }
    }

    func push(_ tree: TreeReference, _ references: [FileReference], for token: StartToken) {
        start { [self] in
            let (bytes, failure) = await pushed(tree, references)
            if failure == .interrupted {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
            await inbox.post(
                .event(.pushed(name, token, tree, bytesSent: bytes, failure: failure)))
        }
    }

    private func pushed(
        _ tree: TreeReference, _ references: [FileReference]
    ) async -> (ByteCount, TransferFailure?) {
        do {
            let report = try await bulk.with { stream in
                try await content.push(tree, references, over: stream)
            }
            return (ByteCount(report.bytesSent), nil)
        } catch let error as ShuntError where error.code != .unreachable {
            return (.zero, .impossible(error.message))
        } catch {
            logger.notice(
                "a transfer was interrupted", metadata: ["worker": "\(name)", "error": "\(error)"])
            return (.zero, .interrupted)
        }
    }

    func fetch(_ tree: TreeReference, of job: JobID) {
        start { [self] in
            let failure = await pulled(tree)
            await inbox.post(.event(.fetched(job, tree, failure: failure)))
        }
    }

    private func pulled(_ tree: TreeReference) async -> TransferFailure? {
        do {
            try await bulk.with { stream in try await content.pull(tree, over: stream) }
            return nil
        } catch let error as ShuntError where error.code == .notFound {
            // A store that was taken away says nothing about what was in it.
            return content.store.isInPlace ? .impossible(error.message) : .interrupted
        } catch {
            logger.notice(
                "outputs could not be fetched",
                metadata: ["worker": "\(name)", "error": "\(error)"])
            return .interrupted
        }
    }

    /// Runs something on one of the worker's bulk streams.
    func withBulk<Value: Sendable>(
        _ body: @Sendable (BulkClient) async throws -> Value
    ) async throws -> Value {
        try await bulk.with(body)
    }

    private static let nextTransfer = Atomic<UInt64>(0)

    /// Runs something that the link's end cancels.
    func start(_ body: @escaping @Sendable () async -> Void) {
        let number = Self.nextTransfer.add(1, ordering: .relaxed).newValue
        let gate = Gate()
        let task = Task { [self] in
            await gate.wait()
            await body()
            _ = transfers.withLock { $0.removeValue(forKey: number) }
        }
        transfers.withLock { $0[number] = task }
        gate.open()
    }
}
