internal import CLibUV
package import ByteStream
internal import Glibc
internal import Synchronization

/// A libuv loop on one thread, as a Swift executor: actors pinned to it run on that thread, beside
/// its timers, sockets and watches.
///
/// An actor pins itself by holding the loop and returning
/// `loop.asUnownedSerialExecutor()` from its `unownedExecutor`. Callbacks of handles run on the
/// same thread, outside any task; such an actor enters itself from one with `assumeIsolated`.
///
/// The loop runs either on a thread of its own (``start(name:)``) or on the caller's
/// (``run()``, which a daemon calls from its main thread). Nothing that blocks may run on it:
/// disk work goes to a ``BlockingExecutor``.
///
/// Whoever ends the loop (``stop()``) first ends what is pinned to it. Handles and streams that
/// are still open are closed then; a task that comes back to a loop that has ended stays
/// suspended for ever.
package final class UVLoop: Sendable {
    /// The C loop. Every call takes it from ``raw``, which asserts that it is made on the loop's
    /// thread (`uv_async_send` alone may come from elsewhere, and it does not need the loop).
    private nonisolated(unsafe) let memory: UnsafeMutablePointer<uv_loop_t>
    let inbox: LoopInbox
    /// Opens when the loop has ended and let go of everything.
    private let end = Gate()
    private let phase = Atomic(Phase.idle)
    /// `pthread_self()` of the thread that runs the loop, or 0.
    private let thread = Atomic<UInt>(0)
    /// Only ever touched through ``withSleeps(_:)``, which asserts the loop's thread: that is what
    /// makes the unsafe annotation right.
    private nonisolated(unsafe) var sleeps = SleepTable()

    private enum Phase: UInt8, AtomicRepresentable { case idle, running, ending, ended }

    /// - Throws: ``StreamError`` where the process is out of descriptors.
    package init() throws(StreamError) {
        let size = uv_loop_size()
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        memory = raw.bindMemory(to: uv_loop_t.self, capacity: 1)
        do {
            try uvCall("make a loop", uv_loop_init(memory))
        } catch {
            raw.deallocate()
            throw error
        }
        do {
            inbox = try LoopInbox(on: memory)
        } catch {
            // Nothing was opened on it, so that it can be closed.
            uv_loop_close(memory)
            raw.deallocate()
            throw error
        }
        memory.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        // A thread that runs the loop keeps it alive; so it has ended or never ran.
        if phase.load(ordering: .acquiring) == .idle { runUntilStopped(isStopped: true) }
        UnsafeMutableRawPointer(memory).deallocate()
    }

    // MARK: Life

    /// Runs the loop on a thread of its own until ``stop()``.
    ///
    /// - Parameter name: of the thread, for whoever looks at a process with `ps -L`.
    package func start(name: String = "loop") throws(StreamError) {
        claim()
        do {
            try NativeThread.start(name: name) { self.runUntilStopped(isStopped: false) }
        } catch {
            phase.store(.idle, ordering: .releasing)
            throw error
        }
    }

    /// Runs the loop on the calling thread; returns once it was stopped and has let go of
    /// everything.
    package func run() {
        claim()
        runUntilStopped(isStopped: false)
    }

    /// Asks the loop to end: it closes what is still open, runs what is still in line, and
    /// returns from ``run()``. From any thread; may be called more than once.
    package func stop() {
        post { uv_stop(self.raw) }
    }

    /// As ``stop()``, and waits for the end. Never from an actor that is pinned to this loop: it
    /// could not be resumed.
    package nonisolated(nonsending) func shutdown() async {
        stop()
        await end.wait()
    }

    /// Whether the loop takes no new handles.
    var isEnding: Bool { phase.load(ordering: .acquiring).rawValue >= Phase.ending.rawValue }

    // MARK: Its thread

    package var isOnLoop: Bool { thread.load(ordering: .relaxed) == pthread_self() }

    /// Traps unless called on the loop's thread.
    package func preconditionOnLoop() {
        precondition(isOnLoop, "this may only be called on the loop's thread")
    }

    /// Runs `action` on the loop's thread, after everything that was posted or enqueued before.
    /// Before the loop runs, this is how it is given what it will do first.
    ///
    /// - Returns: false if the loop has ended: then `action` never runs.
    @discardableResult
    package func post(_ action: @escaping @Sendable () -> Void) -> Bool {
        inbox.append(.action(action), isOnLoop: isOnLoop)
    }

    /// For libuv's functions.
    var raw: UnsafeMutablePointer<uv_loop_t> {
        preconditionOnLoop()
        return memory
    }

    func withSleeps<Result>(_ body: (inout SleepTable) -> Result) -> Result {
        preconditionOnLoop()
        return body(&sleeps)
    }

    // MARK: Running

    private func claim() {
        let (isFirst, _) = phase.compareExchange(
            expected: .idle, desired: .running, ordering: .acquiringAndReleasing)
        precondition(isFirst, "a loop runs once")
    }

    private func runUntilStopped(isStopped: Bool) {
        thread.store(pthread_self(), ordering: .relaxed)
        // Returns before a stop only if nothing is active, and the inbox always is.
        if !isStopped { uv_run(memory, UV_RUN_DEFAULT) }
        phase.store(.ending, ordering: .releasing)
        closeEverything()
        for item in inbox.close() { run(item) }
        uv_run(memory, UV_RUN_DEFAULT)
        let code = uv_loop_close(memory)
        precondition(code == 0, "a handle outlived its loop")
        phase.store(.ended, ordering: .releasing)
        thread.store(0, ordering: .relaxed)
        end.open()
    }

    /// Closes what is open and runs what that leads to, for so long that tasks can unwind; those
    /// that never end do not keep the loop from ending.
    private func closeEverything() {
        for _ in 0..<LoopLimits.lastTurns {
            uv_walk(memory, { handle, _ in UVHandle.of(handle)?.loopEnds() }, nil)
            uv_run(memory, UV_RUN_NOWAIT)
            if inbox.isEmpty { return }
        }
    }
}

/// The bounds that this target keeps; streams have those of ``StreamLimits`` besides.
package enum LoopLimits {
    /// Jobs and actions that run before the loop looks at its sockets and timers again.
    package static let jobsPerTurn = 256
    /// Turns that an ending loop gives to what is still in line.
    package static let lastTurns = 1000
}

/// Turns libuv's codes into errors: on Unix they are negative errnos.
@discardableResult
func uvCall(_ operation: @autoclosure () -> String, _ code: Int32) throws(StreamError) -> Int32 {
    if code < 0 { throw StreamError(operation: operation(), errno: -code) }
    return code
}
