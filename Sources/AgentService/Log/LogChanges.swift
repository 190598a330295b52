internal import ByteStream
internal import JobModel
internal import Synchronization
internal import UVLoop

/// Tells when there may be more to read in a task's log: something was written, or the task has
/// ended. One task waits at a time.
final class LogChanges: Sendable {
    private let state: Mutex<State>
    private let loop: UVLoop
    private let watches: Watches

    private struct State {
        /// The first look comes after the watches stand.
        var hasChanged = false
        var isWatched = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Between two looks where the kernel tells of nothing.
    private static let longestWait = Milliseconds(1000)
    /// The same where nothing can be watched: the task's directory has not been made, say.
    private static let unwatchedWait = Milliseconds(100)

    init(of task: TaskDirectory, on loop: UVLoop) {
        self.loop = loop
        state = Mutex(State())
        watches = Watches(task)
        loop.post { [weak self, watches] in
            let isWatched = watches.open(on: loop) { self?.changed() }
            // Nothing is told of what cannot be watched: whoever waits for it waits its time.
            guard isWatched else { return }
            self?.state.withLock { $0.isWatched = true }
            self?.changed()
        }
    }

    /// Whether the kernel tells of changes. Known once ``next(within:)`` has returned.
    var isWatching: Bool { state.withLock { $0.isWatched } }

    /// Returns at the next change, after a while, or when the task is cancelled.
    func next(within limit: Milliseconds) async {
        let wait = min(limit, isWatching ? Self.longestWait : Self.unwatchedWait)
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
        loop.post { [watches] in watches.close() }
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

/// The watches on a task's directory and, once it is there, on its log.
private final class Watches: Sendable {
    private let task: TaskDirectory
    /// Used on the loop's thread only, as is all of this class.
    private nonisolated(unsafe) var onTask: PathWatch?
    private nonisolated(unsafe) var onLog: PathWatch?
    private nonisolated(unsafe) var isClosed = false

    init(_ task: TaskDirectory) { self.task = task }

    /// - Returns: whether changes will be told; not so for a path that is not there yet, or at the
    ///   limit on watches.
    func open(on loop: UVLoop, onChange: @escaping () -> Void) -> Bool {
        if isClosed { return false }
        // The caller looks again by itself where nothing is told.
        onTask = try? PathWatch(path: task.path, on: loop) { [weak self] change in
            guard let self, !self.isClosed else { return }
            switch Self.news(in: change) {
            case .log:
                self.watchLog(on: loop, onChange: onChange)
                onChange()
            case .end: onChange()
            case .nothing: break
            }
        }
        watchLog(on: loop, onChange: onChange)
        return onTask != nil
    }

    private func watchLog(on loop: UVLoop, onChange: @escaping () -> Void) {
        guard onLog == nil else { return }
        // Not there yet: the watch on the task tells when it is.
        onLog = try? PathWatch(path: task.logPath, on: loop) { _ in onChange() }
    }

    func close() {
        isClosed = true
        onTask?.close()
        onLog?.close()
        (onTask, onLog) = (nil, nil)
    }

    private enum News { case log, end, nothing }

    /// What a change in the task's directory means for a reader of its log.
    private static func news(in change: Result<PathWatch.Change, StreamError>) -> News {
        guard case .success(let change) = change, let name = change.name else { return .end }
        if name.elementsEqual(LogSegments.directoryName.utf8) { return .log }
        return change.isRename && name.elementsEqual(EndedRecord.name.utf8) ? .end : .nothing
    }
}
