internal import Synchronization

extension BlockingExecutor {
    /// The line in front of the threads: what the executor and its threads share.
    final class Line: Sendable {
        /// Opens when the last thread has ended.
        let end = Gate()

        private let queueLimit: Int
        private let state = Mutex(State())
        private let tickets = Atomic<UInt64>(0)
        /// One for each body in line, whether a cancel took it out or not, and one for each thread
        /// to end by.
        private let available: WorkCount

        /// A body with its caller's continuation, which exactly one of the two resumes.
        struct Work: Sendable {
            let ticket: UInt64
            let run: @Sendable () -> Void
            let drop: @Sendable (any Error) -> Void
        }

        fileprivate struct State {
            var queued = Fifo<Work>()
            var waiting = Fifo<Work>()
            var running = 0
            var threads = 0
            var isStopped = false
        }

        init(queueLimit: Int) throws(StreamError) {
            self.queueLimit = queueLimit
            available = try WorkCount()
        }

        var load: Load {
            state.withLock { state in
                Load(
                    running: state.running, queued: state.queued.count,
                    waiting: state.waiting.count)
            }
        }

        func newTicket() -> UInt64 { tickets.add(1, ordering: .relaxed).newValue }

        func enter(_ work: Work) {
            let isAccepted = state.withLock { state in
                guard !state.isStopped else { return false }
                if state.queued.count < queueLimit {
                    state.queued.append(work)
                } else {
                    state.waiting.append(work)
                }
                return true
            }
            if isAccepted { available.add(1) } else { work.drop(Stopped()) }
        }

        func cancel(_ ticket: UInt64) {
            let work = state.withLock { state in
                let work = state.queued.remove { $0.ticket == ticket }
                if work != nil { state.moveUp() }
                return work ?? state.waiting.remove { $0.ticket == ticket }
            }
            work?.drop(CancellationError())
        }

        // MARK: Threads

        func addThread() { state.withLock { $0.threads += 1 } }

        func removeThread() {
            let isLast = state.withLock { state in
                state.threads -= 1
                return state.threads == 0
            }
            if isLast { end.open() }
        }

        /// The life of one thread.
        func work() {
            while true {
                available.wait()
                // Nothing there: a cancel took it, unless the executor has stopped.
                let (work, isStopped) = state.withLock { ($0.start(), $0.isStopped) }
                if let work {
                    work.run()
                    state.withLock { $0.running -= 1 }
                } else if isStopped {
                    return removeThread()
                }
            }
        }

        func stop() {
            let (dropped, threads) = state.withLock { state -> ([Work], Int) in
                guard !state.isStopped else { return ([], 0) }
                state.isStopped = true
                return (state.queued.takeAll() + state.waiting.takeAll(), state.threads)
            }
            for work in dropped { work.drop(Stopped()) }
            if threads > 0 { available.add(threads) }
        }
    }
}

extension BlockingExecutor.Line.State {
    /// Takes the next body for a thread that runs it now.
    fileprivate mutating func start() -> BlockingExecutor.Line.Work? {
        guard let work = queued.popFirst() else { return nil }
        running += 1
        moveUp()
        return work
    }

    /// Gives the free place in the line to who has waited longest for one.
    fileprivate mutating func moveUp() {
        if let next = waiting.popFirst() { queued.append(next) }
    }
}
