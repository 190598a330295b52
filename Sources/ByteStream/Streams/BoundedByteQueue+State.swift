internal import Glibc

/// What stands under the lock of a ``BoundedByteQueue``, and every decision about it. Nothing is
/// resumed here: decisions return who is to be woken once the lock is free.
extension BoundedByteQueue {
    struct State: Sendable {
        var chunks = ByteChunks()
        /// Set once, by the producer or by a consumer that cannot go on.
        var ending: Ending?
        /// The consumer went, whatever the producer did or does.
        var isAbandoned = false
        var reader = Waiter()
        var writer = Waiter()
        /// The pump looked and found nothing: it waits to be woken.
        var isConsumerParked = false
        var isProducerParked = false

        enum Ending: Sendable {
            case finished
            case failed(StreamError)
        }

        enum Taken {
            case bytes([UInt8], Parked)
            case ended
            case failed(StreamError)
            case wait
        }

        enum Put {
            case stored(Parked)
            case failed(StreamError)
        }
    }

    /// The place of the one task that may wait on a side.
    struct Waiter: Sendable {
        var continuation: CheckedContinuation<Void, any Error>?
        /// A cancelled wait may have left half a message: the side stays unusable.
        var isCancelled = false

        mutating func cancel() -> CheckedContinuation<Void, any Error>? {
            isCancelled = true
            return continuation.take()
        }
    }

    /// Who was found waiting on the other side: a task, a pump, or nobody.
    struct Parked: Sendable {
        var task: CheckedContinuation<Void, any Error>?
        var isPump = false

        func resume(waking pump: (any PumpWaker)?) {
            task?.resume()
            if isPump { pump?.wakePump() }
        }
    }
}

extension BoundedByteQueue.State {
    typealias Parked = BoundedByteQueue.Parked

    var isOpen: Bool { ending == nil && !isAbandoned }

    var mustReaderWait: Bool { chunks.isEmpty && isOpen }

    /// A writer that found the queue full goes on when half of it is free: resuming it for every
    /// few bytes would cost more than it brings.
    func mustWriterWait(half: Int) -> Bool { chunks.count > half && isOpen }

    mutating func take(_ limit: Int, half: Int) -> Taken {
        if reader.isCancelled {
            return .failed(StreamError(operation: "read after a cancelled read", errno: ECANCELED))
        }
        if !chunks.isEmpty {
            let bytes = chunks.take(atMost: limit)
            return .bytes(bytes, producerToWake(half: half))
        }
        if isAbandoned { return .failed(.closed("read")) }
        switch ending {
        case nil: return .wait
        case .finished: return .ended
        case .failed(let error): return .failed(error)
        }
    }

    mutating func put(_ rest: inout ArraySlice<UInt8>, capacity: Int) -> Put {
        if writer.isCancelled {
            return .failed(
                StreamError(operation: "write after a cancelled write", errno: ECANCELED))
        }
        switch ending {
        case .finished: return .failed(.closed("write"))
        case .failed(let error): return .failed(error)
        case nil where isAbandoned:
            return .failed(StreamError(operation: "write", errno: EPIPE))
        case nil:
            let part = rest.prefix(capacity - chunks.count)
            guard !part.isEmpty else { return .stored(Parked()) }
            chunks.append(part)
            rest = rest.dropFirst(part.count)
            return .stored(consumerToWake())
        }
    }

    mutating func consumerToWake() -> Parked {
        let parked = Parked(task: reader.continuation.take(), isPump: isConsumerParked)
        isConsumerParked = false
        return parked
    }

    mutating func producerToWake(half: Int) -> Parked {
        guard !mustWriterWait(half: half) else { return Parked() }
        let parked = Parked(task: writer.continuation.take(), isPump: isProducerParked)
        isProducerParked = false
        return parked
    }
}
