internal import Synchronization

/// One direction of a stream: bytes between one producer and one consumer, at most ``capacity`` of
/// them.
///
/// Each side is either a task, which suspends (``write(_:waking:)``, ``read(atMost:waking:)``), or
/// a pump, the thread or loop that owns a descriptor, which never waits here (``nextChunk()``,
/// ``freeSpace()``) and is woken through its ``PumpWaker`` only after it found nothing to do.
/// Streams over sockets have a task on one side and a pump on the other, in-memory ones a task on
/// both.
///
/// It ends once, by whichever comes first: ``finish()`` (orderly: what stands in it is still
/// read), ``fail(_:waking:)`` (the producer's side broke), ``refuse(_:)`` (the consumer's did), or
/// ``abandon()`` (the consumer is done).
package final class BoundedByteQueue: Sendable {
    /// The most bytes that stand in it.
    package let capacity: Int

    private let state: Mutex<State>

    package init(capacity: Int = StreamLimits.buffer) {
        precondition(capacity > 0, "a queue holds something")
        self.capacity = capacity
        state = Mutex(State())
    }

    /// What stands in the queue now.
    package var count: Int { state.withLock { $0.chunks.count } }

    // MARK: The side of a task

    /// Waits until a byte is there and takes up to `limit` of them.
    ///
    /// - Parameter pump: the producer, where that is a pump.
    /// - Returns: an empty array once the producer finished and everything was read.
    package nonisolated(nonsending) func read(
        atMost limit: Int, waking pump: (any PumpWaker)?
    ) async throws -> [UInt8] {
        precondition(limit > 0, "a read asks for at least one byte")
        while true {
            switch state.withLock({ $0.take(limit, half: capacity / 2) }) {
            case .bytes(let bytes, let producer):
                producer.resume(waking: pump)
                return bytes
            case .ended: return []
            case .failed(let error): throw error
            case .wait: try await wait(\.reader) { $0.mustReaderWait }
            }
        }
    }

    /// Returns when all of `bytes` stand in the queue; suspends while it is full.
    ///
    /// - Parameter pump: the consumer, where that is a pump.
    /// - Throws: ``StreamError`` if the queue ended; some of the bytes may stand in it.
    package nonisolated(nonsending) func write(
        _ bytes: [UInt8], waking pump: (any PumpWaker)?
    ) async throws {
        var rest = bytes[...]
        while true {
            switch state.withLock({ $0.put(&rest, capacity: capacity) }) {
            case .stored(let consumer):
                consumer.resume(waking: pump)
                if rest.isEmpty { return }
                try await wait(\.writer) { $0.mustWriterWait(half: capacity / 2) }
            case .failed(let error): throw error
            }
        }
    }

    // MARK: The side of a pump

    /// The oldest bytes, for a pump to send; ``removeFirst(_:)`` says how many went. With none
    /// there, the pump is woken when some come.
    package func nextChunk() -> ArraySlice<UInt8>? {
        state.withLock { state in
            state.isConsumerParked = state.chunks.isEmpty
            return state.chunks.first
        }
    }

    /// Drops what a pump has sent, and lets the writer go on once the queue is half empty.
    package func removeFirst(_ length: Int) {
        let producer = state.withLock { state in
            // A close on another thread may have emptied the queue meanwhile.
            if !state.chunks.isEmpty { state.chunks.removeFirst(length) }
            return state.producerToWake(half: capacity / 2)
        }
        producer.resume(waking: nil)
    }

    /// How many bytes a pump may append: none or at least a quarter of the bound, so that a reader
    /// of small pieces does not turn into small system calls. With none, the pump is woken once
    /// the queue is half empty.
    package func freeSpace() -> Int {
        state.withLock { state in
            guard state.isOpen else { return 0 }
            let space = capacity - state.chunks.count
            state.isProducerParked = space * 4 < capacity
            return state.isProducerParked ? 0 : space
        }
    }

    /// Appends what a pump has received, at most ``freeSpace()``; dropped if the queue has ended.
    package func append(_ bytes: [UInt8]) {
        let consumer = state.withLock { state -> Parked in
            guard state.isOpen else { return Parked() }
            precondition(state.chunks.count + bytes.count <= capacity, "the queue is bounded")
            state.chunks.append(bytes[...])
            return state.consumerToWake()
        }
        consumer.resume(waking: nil)
    }

    // MARK: Its end

    /// The producer has no more; the consumer reads what is left and then the end.
    package func finish(waking pump: (any PumpWaker)? = nil) {
        end(waking: pump) { $0.ending = $0.ending ?? .finished }
    }

    /// The connection broke; the consumer reads what is left and then `error`, the producer
    /// fails at once.
    package func fail(_ error: StreamError, waking pump: (any PumpWaker)? = nil) {
        end(waking: pump) { $0.ending = $0.ending ?? .failed(error) }
    }

    /// The consumer cannot take more: what stands in the queue is dropped, the producer fails.
    package func refuse(_ error: StreamError) {
        end(waking: nil) { state in
            state.ending = state.ending ?? .failed(error)
            state.chunks.removeAll()
        }
    }

    /// The consumer wants no more, however the queue ended before: everything is dropped, reads
    /// fail as on a closed stream, writes with `EPIPE`.
    package func abandon() {
        end(waking: nil) { state in
            state.isAbandoned = true
            state.chunks.removeAll()
        }
    }

    /// Whether there is nothing more to send, now or later.
    package var isDrained: Bool {
        state.withLock { $0.chunks.isEmpty && !$0.isOpen }
    }

    /// Ends the queue and wakes both sides.
    private func end(waking pump: (any PumpWaker)?, _ change: (inout State) -> Void) {
        let (consumer, producer) = state.withLock { state in
            change(&state)
            return (state.consumerToWake(), state.producerToWake(half: capacity / 2))
        }
        consumer.resume(waking: pump)
        producer.resume(waking: pump)
    }

    // MARK: Waiting

    /// Suspends until the other side resumes `waiter`, if `mustWait` still holds by then.
    private nonisolated(nonsending) func wait(
        _ waiter: any WritableKeyPath<State, Waiter> & Sendable,
        while mustWait: @Sendable (State) -> Bool
    ) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state[keyPath: waiter].isCancelled { return .failure(CancellationError()) }
                    guard mustWait(state) else { return .success(()) }
                    let previous = state[keyPath: waiter].continuation
                    precondition(previous == nil, "one task reads and one writes at a time")
                    state[keyPath: waiter].continuation = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
            // A cancel that came with the wake-up has marked the side as unusable: say so.
            try Task.checkCancellation()
        } onCancel: {
            let waiting = state.withLock { $0[keyPath: waiter].cancel() }
            waiting?.resume(throwing: CancellationError())
        }
    }
}
