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
    private let coordinator: CoordinatorID
    private let inbox: Inbox
    let content: CoordinatorContent
    private let logger: Logger
    private let bulk: BulkPool
    private let fences: AsyncStream<Fence>
    private let fenceArrived: AsyncStream<Fence>.Continuation
    private let session = Mutex<Session?>(nil)
    private let transfers = Mutex<[UInt64: Task<Void, Never>]>([:])

    /// The open control stream, as far as whoever sends is concerned.
    private struct Session {
        var fence: Fence
        var outbound: AsyncStream<CoordinatorMessage>.Continuation
    }

    /// Messages that wait for the stream to take them.
    private static let outboundLimit = 65_536
    private static let handshakeLimit = Duration.seconds(15)
    private static let firstBackoff: Int64 = 100
    private static let longestBackoff: Int64 = 15_000

    init(
        name: WorkerName, connector: any WorkerConnector, coordinator: CoordinatorID,
        release: String, inbox: Inbox, content: CoordinatorContent, logger: Logger
    ) {
        self.name = name
        self.connector = connector
        self.coordinator = coordinator
        self.inbox = inbox
        self.content = content
        self.logger = logger
        bulk = BulkPool(connector: connector, coordinator: coordinator, release: release)
        self.release = release
        (fences, fenceArrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private let release: String

    /// Keeps the link until the task is cancelled.
    func run() async {
        var backoff = Self.firstBackoff
        var iterator = fences.makeAsyncIterator()
        while !Task.isCancelled {
            await inbox.post(.event(.connecting(name)))
            guard let fence = await iterator.next() else { break }
            let started = SteadyTime.current
            let reason = await hold(fence)
            await bulk.closeAll()
            await inbox.post(.event(.disconnected(name, fence, reason: reason)))
            if Task.isCancelled { break }
            logger.notice(
                "worker unreachable; its attempts keep running",
                metadata: ["worker": "\(name)", "reason": "\(reason)"])
            if (SteadyTime.current - started).count > 10_000 { backoff = Self.firstBackoff }
            let jittered = Int64.random(in: backoff / 2...backoff)
            do { try await Task.sleep(for: .milliseconds(jittered)) } catch { break }
            backoff = min(Self.longestBackoff, backoff * 2)
        }
        fenceArrived.finish()
        for task in transfers.withLock({ Array($0.values) }) { task.cancel() }
        await bulk.closeAll()
    }

    /// Opens a control stream and serves it until it breaks.
    ///
    /// - Returns: why it broke.
    private func hold(_ fence: Fence) async -> String {
        do {
            let stream = try await connector.connect()
            let hello = Hello(
                coordinator: coordinator, fence: fence, role: .control, release: release)
            let (control, welcome) = try await Handshake.openControl(
                over: stream, hello, within: Self.handshakeLimit)
            bulk.allow(fence)
            let (outbound, sender) = AsyncStream<CoordinatorMessage>.makeStream(
                bufferingPolicy: .bufferingOldest(Self.outboundLimit))
            session.withLock { $0 = Session(fence: fence, outbound: sender) }
            await inbox.post(.event(.connected(name, fence, welcome)))
            let reason = await serve(control, fence, outbound)
            session.withLock { $0 = nil }
            sender.finish()
            await control.close()
            return reason
        } catch let error as ShuntError {
            return error.message
        } catch {
            return "\(error)"
        }
    }

    private func serve(
        _ control: ControlConnection, _ fence: Fence, _ outbound: AsyncStream<CoordinatorMessage>
    ) async -> String {
        await withTaskGroup(of: String.self) { group in
            group.addTask { [name, inbox] in
                do {
                    while let message = try await control.receive() {
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
    ) async -> (ByteCount, PushFailure?) {
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
            let failure = await failureOfPull(tree)
            await inbox.post(.event(.fetched(job, failure: failure)))
        }
    }

    private func failureOfPull(_ tree: TreeReference) async -> String? {
        do {
            try await bulk.with { stream in try await content.pull(tree, over: stream) }
            return nil
        } catch let error as ShuntError {
            return error.message
        } catch {
            return "\(error)"
        }
    }

    /// Runs something on one of the worker's bulk streams.
    func withBulk<Value: Sendable>(
        _ body: @Sendable (BulkClient) async throws -> Value
    ) async throws -> Value {
        try await bulk.with(body)
    }

    private static let nextTransfer = Atomic<UInt64>(0)

    private func start(_ body: @escaping @Sendable () async -> Void) {
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
