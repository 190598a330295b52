import ByteStream
import Dispatch
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct BlockingExecutorTests {
    /// Holds threads until it is opened.
    private final class Latch: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        func open() { semaphore.signal() }
        /// The suite's time limit is the deadline. Whoever comes through lets the next one in.
        func wait() {
            semaphore.wait()
            semaphore.signal()
        }
    }

    @Test func returnsAndThrowsWhatTheBodyDoes() async throws {
        let executor = try BlockingExecutor(threads: 2)
        #expect(try await executor.run { 6 * 7 } == 42)
        await #expect(throws: StreamError(operation: "x", errno: 5)) {
            try await executor.run { throw StreamError(operation: "x", errno: 5) }
        }
        await executor.shutdown()
    }

    @Test func aFullLineSuspendsItsCallersInOrder() async throws {
        let executor = try BlockingExecutor(threads: 1, queueLimit: 2)
        let latch = Latch()
        let order = Shared<[Int]>([])
        async let held: Void = executor.run { latch.wait() }
        // However the test ends: the thread is not held for ever.
        defer { latch.open() }
        try await eventually("the thread is held") { executor.load.running == 1 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask { try await executor.run { order.update { $0.append(number) } } }
                try await eventually("call \(number) has arrived") {
                    executor.load.queued + executor.load.waiting == number + 1
                }
            }
            #expect(executor.load == .init(running: 1, queued: 2, waiting: 8))
            latch.open()
            try await group.waitForAll()
        }
        try await held
        #expect(order.value == Array(0..<10))
        await executor.shutdown()
    }

    @Test func noMoreBodiesRunAtOnceThanThreads() async throws {
        let executor = try BlockingExecutor(threads: 3, queueLimit: 4)
        let count = Shared((running: 0, most: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await executor.run {
                        count.update {
                            $0.running += 1
                            $0.most = max($0.most, $0.running)
                        }
                        // Others could come in here.
                        for _ in 0..<100 { sched_yield() }
                        count.update { $0.running -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(count.value.most <= 3)
        // A caller goes on a moment before its thread is free.
        try await eventually("the threads are idle") { executor.load == .init() }
        await executor.shutdown()
    }

    @Test func aCancelledCallLeavesTheLineAndFreesItsPlace() async throws {
        let executor = try BlockingExecutor(threads: 1, queueLimit: 1)
        let latch = Latch()
        async let held: Void = executor.run { latch.wait() }
        // However the test ends: the thread is not held for ever.
        defer { latch.open() }
        try await eventually("the thread is held") { executor.load.running == 1 }
        let queued = Task { try await executor.run { _ = Issue.record("it was cancelled") } }
        try await eventually("one is in line") { executor.load.queued == 1 }
        let waiting = Task { try await executor.run { 5 } }
        try await eventually("one waits") { executor.load.waiting == 1 }
        let late = Task { try await executor.run { _ = Issue.record("it was cancelled") } }
        try await eventually("two wait") { executor.load.waiting == 2 }
        late.cancel()
        queued.cancel()
        await #expect(throws: CancellationError.self) { try await queued.value }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(executor.load == .init(running: 1, queued: 1, waiting: 0))
        latch.open()
        #expect(try await waiting.value == 5)
        try await held
        await executor.shutdown()
    }

    @Test func aCallOfACancelledTaskDoesNotRun() async throws {
        let executor = try BlockingExecutor(threads: 1)
        let latch = Latch()
        async let held: Void = executor.run { latch.wait() }
        // However the test ends: the thread is not held for ever.
        defer { latch.open() }
        try await eventually("the thread is held") { executor.load.running == 1 }
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await executor.run { _ = Issue.record("it was cancelled") }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        latch.open()
        try await held
        await executor.shutdown()
    }

    @Test func shutdownFailsWhatHasNotStartedAndLetsTheRestEnd() async throws {
        let executor = try BlockingExecutor(threads: 1, queueLimit: 1)
        let latch = Latch()
        let running = Task { try await executor.run { latch.wait() } }
        defer { latch.open() }
        try await eventually("the thread is held") { executor.load.running == 1 }
        let queued = Task { try await executor.run {} }
        try await eventually("one is in line") { executor.load.queued == 1 }
        let waiting = Task { try await executor.run {} }
        try await eventually("one waits") { executor.load.waiting == 1 }
        let stopping = Task { await executor.shutdown() }
        await #expect(throws: BlockingExecutor.Stopped()) { try await queued.value }
        await #expect(throws: BlockingExecutor.Stopped()) { try await waiting.value }
        latch.open()
        try await running.value
        await stopping.value
        await #expect(throws: BlockingExecutor.Stopped()) { try await executor.run {} }
        await executor.shutdown()
    }
}
