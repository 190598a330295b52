internal import Glibc
internal import Synchronization

/// A few threads for what blocks: disk work, fsync, hashing. Swift's cooperative pool has one
/// thread per core and stalls with two fsyncs; the libuv loop must never wait.
///
/// A task hands over a body and suspends until it has run. At most ``queueLimit`` bodies stand in
/// line; further callers suspend in front of it, first come, first served. Bodies start in the
/// order of their calls. Threads keep the executor's state alive until ``shutdown()`` or until the
/// executor is dropped.
package final class BlockingExecutor: Sendable {
    /// Threads, which is how many bodies run at once.
    package let threads: Int
    /// Bodies that may stand in line behind them.
    package let queueLimit: Int

    private let line: Line

    /// Thrown to callers whose body had not started when the executor shut down.
    package struct Stopped: Error, Hashable, Sendable, CustomStringConvertible {
        package init() {}
        package var description: String { "the executor has been shut down" }
    }

    /// How full it is.
    package struct Load: Hashable, Sendable {
        package var running: Int
        package var queued: Int
        /// Callers suspended because the line is full.
        package var waiting: Int

        package init(running: Int = 0, queued: Int = 0, waiting: Int = 0) {
            self.running = running
            self.queued = queued
            self.waiting = waiting
        }
    }

    /// - Parameter name: of the threads, for whoever looks at a process with `ps -L`.
    /// - Throws: ``StreamError`` where the limit on threads is reached.
    package init(
        name: String = "blocking", threads: Int = 4, queueLimit: Int = 64
    ) throws(StreamError) {
        precondition(threads > 0 && queueLimit > 0, "an executor has threads and a line")
        self.threads = threads
        self.queueLimit = queueLimit
        let line = try Line(queueLimit: queueLimit)
        self.line = line
        for number in 0..<threads {
            line.addThread()
            do {
                try NativeThread.start(name: "\(name)-\(number)") { line.work() }
            } catch {
                line.removeThread()
                line.stop()
                throw error
            }
        }
    }

    deinit { line.stop() }

    /// Runs `body` on one of the threads and returns what it returns.
    ///
    /// Cancelling the task takes a body that has not started out of the line; one that runs is
    /// left to end, and its result is returned.
    ///
    /// - Throws: what `body` throws; `CancellationError`; ``Stopped``.
    package nonisolated(nonsending) func run<T: Sendable>(
        _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        let ticket = line.newTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                line.enter(
                    Line.Work(
                        ticket: ticket,
                        run: { continuation.resume(with: Result(catching: body)) },
                        drop: { continuation.resume(throwing: $0) }))
                // The handler may have come before the work stood in line.
                if Task.isCancelled { line.cancel(ticket) }
            }
        } onCancel: {
            line.cancel(ticket)
        }
    }

    package var load: Load { line.load }

    /// Lets running bodies end, fails the rest with ``Stopped``, and returns when the threads are
    /// done. May be called more than once.
    package nonisolated(nonsending) func shutdown() async {
        line.stop()
        await line.end.wait()
    }
}
