internal import Synchronization

/// A value that comes once, and that any number of tasks wait for.
final class Promise<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var next = 0
        var waiting: [Int: CheckedContinuation<Value?, Never>] = [:]
        /// Cancelled before they stood in ``waiting``.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// What has come, if it has.
    var current: Value? { state.withLock { $0.value } }

    /// Later values are dropped.
    func fulfil(_ value: Value) {
        let waiting = state.withLock { state in
            guard state.value == nil else { return [CheckedContinuation<Value?, Never>]() }
            state.value = value
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for waiter in waiting { waiter.resume(returning: value) }
    }

    /// Waits for it.
    ///
    /// - Returns: `nil` if the waiting task was cancelled first.
    nonisolated(nonsending) func value() async -> Value? {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Value?? in
                    if let value = state.value { return .some(value) }
                    if state.cancelled.remove(number) != nil { return .some(nil) }
                    state.waiting[number] = continuation
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiting.removeValue(forKey: number)
                if waiter == nil, state.value == nil { state.cancelled.insert(number) }
                return waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    /// As ``value()``, for at most `limit`.
    nonisolated(nonsending) func value(within limit: Duration) async -> Value? {
        let waiting = Task { await value() }
        let timer = Task {
            // Cancelled, once it has come.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            waiting.cancel()
        }
        defer { timer.cancel() }
        return await waiting.value
    }
}
