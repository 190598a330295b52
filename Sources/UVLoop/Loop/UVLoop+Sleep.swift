internal import ByteStream
internal import Synchronization

/// Sleeping on a loop's timers, for tasks on any executor. Cancelling the task ends the sleep at
/// once with `CancellationError`, as does the end of the loop.
extension UVLoop {
    /// Sleeps for at least `duration`, time in suspend not counted (see ``UVTimer``).
    package nonisolated(nonsending) func sleep(for duration: Duration) async throws {
        try await sleep(until: .now + duration)
    }

    /// Sleeps until `deadline` on `CLOCK_MONOTONIC`, which is Swift's suspending clock.
    package nonisolated(nonsending) func sleep(
        until deadline: SuspendingClock.Instant
    ) async throws {
        try await sleep { loop, onFire in
            let timer = try UVTimer(on: loop, onFire: onFire)
            timer.start(after: deadline - .now)
            return timer
        }
    }

    /// Sleeps until a moment on the clock that runs through suspend: what leases are counted on.
    ///
    /// - Parameter milliseconds: as ``SystemClock/steadyMilliseconds()`` reads it.
    /// - Throws: ``StreamError`` where the process is out of descriptors.
    package nonisolated(nonsending) func sleep(
        untilSteadyMilliseconds milliseconds: Int64
    ) async throws {
        try await sleep { loop, onFire in
            let timer = try BootTimer(on: loop, onFire: onFire)
            do {
                try timer.arm(atSteadyMilliseconds: milliseconds)
                return timer
            } catch {
                timer.close()
                throw error
            }
        }
    }

    /// - Parameter start: makes and starts the timer, on the loop's thread.
    private nonisolated(nonsending) func sleep(
        _ start: @escaping @Sendable (UVLoop, @escaping () -> Void) throws -> any SleepTimer
    ) async throws {
        let sleep = Sleep(loop: self)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard sleep.begin(continuation) else { return }
                let isPosted = post { sleep.startTimer(start) }
                if !isPosted { sleep.finish(.failure(CancellationError())) }
            }
        } onCancel: {
            sleep.finish(.failure(CancellationError()))
            post { sleep.closeTimer() }
        }
    }
}

/// One sleep of one task: ended once, by its timer, a cancel or the end of the loop.
private final class Sleep: Sendable {
    private let loop: UVLoop
    private let id: UInt64
    private let state = Mutex(State.notBegun)

    private static let ids = Atomic<UInt64>(0)

    private enum State: Sendable {
        case notBegun
        case sleeping(CheckedContinuation<Void, any Error>)
        case ended
    }

    init(loop: UVLoop) {
        self.loop = loop
        id = Self.ids.add(1, ordering: .relaxed).newValue
    }

    /// - Returns: false if a cancel came first: the continuation has been resumed.
    func begin(_ continuation: CheckedContinuation<Void, any Error>) -> Bool {
        let isFirst = state.withLock { state in
            guard case .notBegun = state else { return false }
            state = .sleeping(continuation)
            return true
        }
        if !isFirst { continuation.resume(throwing: CancellationError()) }
        return isFirst
    }

    func finish(_ result: Result<Void, any Error>) {
        let state = state.withLock { state in
            let previous = state
            state = .ended
            return previous
        }
        if case .sleeping(let continuation) = state { continuation.resume(with: result) }
    }

    func startTimer(
        _ start: (UVLoop, @escaping () -> Void) throws -> any SleepTimer
    ) {
        // A cancel between the two posts.
        guard case .sleeping = state.withLock({ $0 }) else { return }
        do {
            let timer = try start(loop) {
                self.closeTimer()
                self.finish(.success(()))
            }
            timer.onLoopEnd {
                self.closeTimer()
                self.finish(.failure(CancellationError()))
            }
            loop.withSleeps { $0.insert(timer, for: id) }
        } catch {
            finish(.failure(error))
        }
    }

    func closeTimer() {
        loop.withSleeps { $0.remove(id) }?.close()
    }
}
