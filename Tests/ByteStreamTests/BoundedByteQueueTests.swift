import ByteStream
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct BoundedByteQueueTests {
    private final class CountingWaker: PumpWaker {
        private let wakes = Atomic(0)
        var count: Int { wakes.load(ordering: .acquiring) }
        func wakePump() { wakes.add(1, ordering: .acquiringAndReleasing) }
    }

    @Test func aPumpIsWokenOnlyAfterItFoundNothing() async throws {
        let queue = BoundedByteQueue(capacity: 100)
        let waker = CountingWaker()
        try await queue.write([1], waking: waker)
        #expect(waker.count == 0)
        #expect(queue.nextChunk() == [1])
        queue.removeFirst(1)
        #expect(queue.nextChunk() == nil)
        try await queue.write([2], waking: waker)
        try await queue.write([3], waking: waker)
        #expect(waker.count == 1)
        #expect(queue.nextChunk() == [2, 3])
    }

    @Test func aPumpWithoutRoomIsWokenWhenHalfIsRead() async throws {
        let queue = BoundedByteQueue(capacity: 100)
        let waker = CountingWaker()
        queue.append([UInt8](repeating: 0, count: 74))
        #expect(queue.freeSpace() == 26)
        queue.append([0, 0])
        #expect(queue.freeSpace() == 0)
        _ = try await queue.read(atMost: 25, waking: waker)
        #expect(waker.count == 0)
        _ = try await queue.read(atMost: 1, waking: waker)
        #expect(waker.count == 1)
        #expect(queue.freeSpace() == 50)
    }

    @Test func aWriterGoesOnWhenHalfIsSent() async throws {
        let queue = BoundedByteQueue(capacity: 100)
        let isDone = Shared(false)
        let writer = Task {
            try await queue.write([UInt8](repeating: 0, count: 120), waking: nil)
            isDone.update { $0 = true }
        }
        try await eventually("it is full") { queue.count == 100 }
        for _ in 0..<49 { queue.removeFirst(1) }
        for _ in 0..<100 { await Task.yield() }
        #expect(!isDone.value)
        #expect(queue.count == 51)
        queue.removeFirst(1)
        try await writer.value
        #expect(queue.count == 70)
    }

    @Test func aFailureComesAfterWhatArrivedBeforeIt() async throws {
        let queue = BoundedByteQueue()
        let error = StreamError(operation: "read", errno: ECONNRESET)
        queue.append([1, 2])
        queue.fail(error)
        queue.append([3])
        queue.finish()
        #expect(try await queue.read(atMost: 10, waking: nil) == [1, 2])
        await #expect(throws: error) { try await queue.read(atMost: 10, waking: nil) }
        await #expect(throws: error) { try await queue.write([1], waking: nil) }
    }

    @Test func aRefusalDropsWhatStandsAndFailsTheWriter() async throws {
        let queue = BoundedByteQueue(capacity: 10)
        let error = StreamError(operation: "write", errno: EPIPE)
        let writer = Task { try await queue.write([UInt8](repeating: 0, count: 20), waking: nil) }
        try await eventually("it is full") { queue.count == 10 }
        queue.refuse(error)
        await #expect(throws: error) { try await writer.value }
        #expect(queue.count == 0)
        #expect(queue.isDrained)
    }

    @Test func aFinishedQueueIsDrainedOnceItIsEmpty() async throws {
        let queue = BoundedByteQueue()
        try await queue.write([1], waking: nil)
        queue.finish()
        #expect(!queue.isDrained)
        queue.removeFirst(1)
        #expect(queue.isDrained)
        await #expect(throws: StreamError(operation: "write", errno: 0)) {
            try await queue.write([1], waking: nil)
        }
    }

    @Test func aFinishWakesAPumpThatWaits() {
        let queue = BoundedByteQueue()
        let waker = CountingWaker()
        #expect(queue.nextChunk() == nil)
        queue.finish(waking: waker)
        #expect(waker.count == 1)
    }

    @Test func aCancelThatRacesWithDataIsACancelOrARead() async throws {
        var random = SeededGenerator.forTest()
        for _ in 0..<500 {
            let queue = BoundedByteQueue()
            let reader = Task { try await queue.read(atMost: 1, waking: nil) }
            for _ in 0..<Int.random(in: 0...3, using: &random) { await Task.yield() }
            async let wrote: Void = queue.write([7], waking: nil)
            reader.cancel()
            switch await reader.result {
            case .success(let bytes): #expect(bytes == [7])
            case .failure(let error): #expect(error is CancellationError)
            }
            try await wrote
        }
    }
}
