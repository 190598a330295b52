internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Transfer
internal import UVLoop
internal import Wire

/// Answers a coordinator's questions on a bulk stream: logs and environments. It reads what is on
/// disk and asks the daemon only whether a task is over.
struct AgentResponder: BulkRequestHandler {
    let coordinator: CoordinatorID
    let home: AgentHome
    let environments: PythonEnvironments
    let disk: BlockingExecutor
    let loop: UVLoop
    /// Whether nothing more will be written to a task's log.
    let isOver: @Sendable (StartToken) async -> Bool

    func readLog(_ request: ReadLog) async throws -> LogPage {
        try check(request.token)
        let deadline = SteadyTime.current + request.wait
        let path = TaskDirectory(home.taskDirectory(request.token)).logPath
        var changes: LogChanges?
        defer { changes?.close() }
        while true {
            // Asked before the log is read: what comes in between is then still to be read.
            let isOver = await isOver(request.token)
            let page = try await disk.run {
                try LogReader(path).read(from: request.offset, limit: request.maximumBytes)
            }
            if !page.bytes.isEmpty || isOver {
                return LogPage(
                    bytes: page.bytes, nextOffset: page.end,
                    isComplete: isOver && page.bytes.isEmpty)
            }
            // The coordinator has gone: nobody reads the answer.
            try Task.checkCancellation()
            let remaining = deadline - SteadyTime.current
            guard remaining.count > 0 else {
                return LogPage(bytes: [], nextOffset: page.end, isComplete: false)
            }
            if let changes {
                await changes.next(within: remaining)
            } else {
                // Looks once more after the watch stands.
                changes = LogChanges(of: path, beside: home.taskDirectory(request.token), on: loop)
            }
        }
    }

    func tailLog(_ token: StartToken, lines: UInt32) async throws -> UInt64 {
        try check(token)
        let path = TaskDirectory(home.taskDirectory(token)).logPath
        return try await disk.run { try LogReader(path).tail(lines: Int(lines)).offset }
    }

    func hasEnvironment(_ requirements: Digest) async throws -> Bool {
        try await environments.isCached(requirements)
    }

    /// A coordinator sees its own tasks only.
    private func check(_ token: StartToken) throws {
        guard token.coordinator == coordinator else {
            throw ShuntError(.notFound, "there is no task `\(token.task)` of this coordinator")
        }
    }
}

/// Tells when a log, or the directory that it is going to be in, has changed. One task waits at a
/// time.
final class LogChanges: Sendable {
    private let state: Mutex<State>
    private let loop: UVLoop
    private let watches: WatchHolder

    private struct State {
        /// The first look comes after the watches stand.
        var hasChanged = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Between two looks where the kernel tells of nothing.
    private static let longestWait = Milliseconds(250)

    init(of path: String, beside directory: String, on loop: UVLoop) {
        self.loop = loop
        state = Mutex(State())
        watches = WatchHolder()
        loop.post { [weak self, watches] in
            for watched in [path, directory] {
                // A path that is not there yet, or a limit on watches: the next look finds out.
                if let watch = try? PathWatch(
                    path: watched, on: loop, onChange: { _ in self?.changed() })
                {
                    watches.add(watch)
                }
            }
            self?.changed()
        }
    }

    /// Returns at the next change, after a while, or when the task is cancelled.
    func next(within limit: Milliseconds) async {
        let wait = min(limit, Self.longestWait)
        let timer = Task { [loop, weak self] in
            // Cancelled where a change came first.
            do { try await loop.sleep(for: .milliseconds(wait.count)) } catch { return }
            self?.letGo()
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.hasChanged {
                        state.hasChanged = false
                        return false
                    }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
                // The handler may have come before there was somebody to let go.
                if Task.isCancelled { letGo() }
            }
        } onCancel: {
            letGo()
        }
    }

    func close() {
        loop.post { [watches] in watches.closeAll() }
    }

    private func changed() {
        let waiter = state.withLock { state in
            state.hasChanged = state.waiter == nil
            return state.waiter.take()
        }
        waiter?.resume()
    }

    private func letGo() {
        state.withLock { $0.waiter.take() }?.resume()
    }
}

/// Watches of the loop's thread, on their way to the moment at which they are closed.
private final class WatchHolder: Sendable {
    /// Used on the loop's thread only.
    private nonisolated(unsafe) var watches: [PathWatch] = []
    private nonisolated(unsafe) var isClosed = false

    func add(_ watch: PathWatch) {
        if isClosed { watch.close() } else { watches.append(watch) }
    }

    func closeAll() {
        isClosed = true
        for watch in watches { watch.close() }
        watches = []
    }
}
