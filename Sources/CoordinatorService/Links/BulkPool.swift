internal import ByteStream
internal import JobModel
internal import Synchronization
internal import Transfer
internal import Wire

/// Bulk streams to one worker: requests on one stream are answered in order, so whoever reads a
/// log or moves content takes a stream for itself and gives it back.
///
/// At most ``limit`` are open; further callers wait. A stream on which anything failed is closed,
/// never used again.
final class BulkPool: Sendable {
    static let limit = 64
    /// Streams that are kept open without a user.
    static let keptIdle = 4
    private static let handshakeLimit = Duration.seconds(15)

    private struct State {
        /// Under which streams are opened; `nil` while there is no control stream.
        var fence: Fence?
        var idle: [BulkClient] = []
        var open = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let connector: any WorkerConnector
    private let coordinator: CoordinatorID
    private let release: String
    private let state = Mutex(State())

    init(connector: any WorkerConnector, coordinator: CoordinatorID, release: String) {
        self.connector = connector
        self.coordinator = coordinator
        self.release = release
    }

    /// Lets streams be opened from now on, under this fence.
    func allow(_ fence: Fence) { state.withLock { $0.fence = fence } }

    /// Closes idle streams and refuses new ones until the next ``allow(_:)``.
    func closeAll() async {
        let idle = state.withLock { state in
            defer { state.idle = [] }
            state.fence = nil
            state.open -= state.idle.count
            return state.idle
        }
        for client in idle { await client.close() }
        wake()
    }

    /// - Throws: ``ShuntError`` with `unreachable` while the worker is not connected; what `body`
    ///   throws.
    func with<Value: Sendable>(
        _ body: @Sendable (BulkClient) async throws -> Value
    ) async throws -> Value {
        let client = try await take()
        do {
            let value = try await body(client)
            await end(client)
            return value
        } catch {
            let isAnswer = client.isReusable && error is ShuntError
            await end(client)
            throw isAnswer ? error : Self.told(error)
        }
    }

    /// A stream on which something failed is closed, also where whoever used it went on all the
    /// same.
    private func end(_ client: BulkClient) async {
        if client.isReusable { return await giveBack(client) }
        await client.close()
        state.withLock { $0.open -= 1 }
        wake()
    }

    private func take() async throws -> BulkClient {
        while true {
            enum Choice {
                case use(BulkClient)
                case open(Fence)
                case wait
                case fail
            }
            let choice = state.withLock { state -> Choice in
                guard let fence = state.fence else { return .fail }
                if let client = state.idle.popLast() { return .use(client) }
                guard state.open < Self.limit else { return .wait }
                state.open += 1
                return .open(fence)
            }
            switch choice {
            case .use(let client): return client
            case .open(let fence):
                do {
                    return try await connect(fence)
                } catch {
                    state.withLock { $0.open -= 1 }
                    wake()
                    throw Self.told(error)
                }
            case .wait:
                await withCheckedContinuation { continuation in
                    let mustWait = state.withLock { state in
                        guard state.open >= Self.limit, state.fence != nil else { return false }
                        state.waiting.append(continuation)
                        return true
                    }
                    if !mustWait { continuation.resume() }
                }
            case .fail:
                throw ShuntError(
                    .unreachable, "the worker is not connected at the moment",
                    hint: "shunt worker ls")
            }
        }
    }

    /// What is neither ours nor the agent's word is a stream that broke, or an agent that has not
    /// heard from this coordinator yet: the link is opened again, and the caller may ask then.
    private static func told(_ error: any Error) -> any Error {
        if error is ShuntError || error is CancellationError { return error }
        if let login = error as? NeedsLogin { return login.error }
        return ShuntError(
            .unreachable, "the connection to the worker broke: \(error)",
            hint: "shunt worker ls")
    }

    private func connect(_ fence: Fence) async throws -> BulkClient {
        let hello = Hello(coordinator: coordinator, fence: fence, role: .bulk, release: release)
        let (connection, _) = try await connector.connect {
            try await Handshake.openBulk(over: $0, hello, within: Self.handshakeLimit)
        }
        return BulkClient(connection)
    }

    private func giveBack(_ client: BulkClient) async {
        let isKept = state.withLock { state in
            guard state.fence != nil, state.idle.count < Self.keptIdle else {
                state.open -= 1
                return false
            }
            state.idle.append(client)
            return true
        }
        if !isKept { await client.close() }
        wake()
    }

    private func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
