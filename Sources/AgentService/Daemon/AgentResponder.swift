internal import ByteStream
internal import ContentStore
internal import JobModel
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

/// Tells when a log, or the directory that it is going to be in, has changed.
final class LogChanges: Sendable {
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation
    private let loop: UVLoop

    /// Between two looks where the kernel tells of nothing.
    private static let longestWait = Milliseconds(250)

    init(of path: String, beside directory: String, on loop: UVLoop) {
        self.loop = loop
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let changed = changed
        loop.post {
            var watches: [PathWatch] = []
            for watched in [path, directory] {
                // A path that is not there yet, or a limit on watches: the next look finds out.
                if let watch = try? PathWatch(path: watched, on: loop, onChange: { _ in
                    changed.yield()
                }) {
                    watches.append(watch)
                }
            }
            let holder = WatchHolder(watches)
            changed.onTermination = { _ in loop.post { holder.closeAll() } }
            changed.yield()
        }
    }

    /// Returns at the next change, or after a while.
    func next(within limit: Milliseconds) async {
        let wait = min(limit, Self.longestWait)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [changes] in
                for await _ in changes { return }
            }
            group.addTask { [loop] in
                // Ends early where the other one is done.
                try? await loop.sleep(for: .milliseconds(wait.count))
            }
            await group.next()
            group.cancelAll()
        }
    }

    func close() { changed.finish() }
}

/// Watches that belong to the loop's thread, on their way to the moment at which they are closed.
private final class WatchHolder: Sendable {
    /// Made, used and closed on the loop's thread only.
    private nonisolated(unsafe) var watches: [PathWatch]

    init(_ watches: [PathWatch]) { self.watches = watches }

    func closeAll() {
        for watch in watches { watch.close() }
        watches = []
    }
}
