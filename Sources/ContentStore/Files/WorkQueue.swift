internal import Glibc
internal import Synchronization

/// A stack of work that several threads take from and add to, for walks over directories whose
/// breadth and depth are not known beforehand. Last in, first out, so that what waits stays small.
///
/// The threads live for one ``run(_:width:context:_:)`` and are joined before it returns. The
/// first error ends it: no more work is taken, and the error is thrown to the caller.
final class WorkQueue<Item: Sendable>: Sendable {
    private let state: Mutex<State>
    private let changed = ThreadCondition()

    private struct State {
        var waiting: [Item]
        var running = 0
        var failure: (any Error)?
    }

    private init(_ items: [Item]) { state = Mutex(State(waiting: items)) }

    /// Adds work, from within a piece of work.
    func push(_ items: some Sequence<Item>) {
        state.withLock { $0.waiting.append(contentsOf: items) }
        changed.wakeAll()
    }

    /// Processes `items` and what they add.
    ///
    /// - Parameters:
    ///   - width: how many threads at most, the caller's included.
    ///   - context: made once per thread; buffers to be used again.
    ///   - body: one piece of work; adds more through the queue.
    static func run<Context>(
        _ items: [Item], width: Int, context: @escaping @Sendable () -> Context,
        _ body: @escaping @Sendable (Item, inout Context, WorkQueue) throws -> Void
    ) throws {
        let queue = WorkQueue(items)
        let loop: @Sendable () -> Void = {
            var context = context()
            while let item = queue.take() {
                do {
                    try body(item, &context, queue)
                    queue.finish(nil)
                } catch {
                    queue.finish(error)
                }
            }
        }
        var threads: [pthread_t] = []
        for _ in 1..<max(1, width) {
            // Without a further thread the work is done all the same.
            guard let thread = startThread(loop) else { break }
            threads.append(thread)
        }
        loop()
        for thread in threads { pthread_join(thread, nil) }
        if let failure = queue.state.withLock({ $0.failure }) { throw failure }
    }

    /// - Returns: `nil` when there is nothing left and nobody who could add to it.
    private func take() -> Item? {
        while true {
            let seen = changed.generation
            let (item, isOver) = state.withLock { state -> (Item?, Bool) in
                if state.failure != nil { return (nil, true) }
                if let item = state.waiting.popLast() {
                    state.running += 1
                    return (item, false)
                }
                return (nil, state.running == 0)
            }
            if item != nil || isOver { return item }
            changed.wait(since: seen)
        }
    }

    private func finish(_ error: (any Error)?) {
        let isOver = state.withLock { state in
            state.running -= 1
            if let error, state.failure == nil { state.failure = error }
            return state.failure != nil || (state.running == 0 && state.waiting.isEmpty)
        }
        if isOver { changed.wakeAll() }
    }
}

/// How many threads a walk may use: the processors there are, 2 … 8, since a walk waits for disks
/// as much as it computes.
func walkWidth() -> Int {
    max(2, min(8, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}

/// A counter that threads wait on until it moves.
final class ThreadCondition: @unchecked Sendable {
    // Unchecked: the two pthread objects stand at addresses of their own for the life of this
    // object, which is what POSIX asks of them, and `count` is only touched under the mutex.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var count: UInt64 = 0

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    var generation: UInt64 {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return count
    }

    func wakeAll() {
        pthread_mutex_lock(mutex)
        count &+= 1
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Returns once somebody called ``wakeAll()`` after `generation` was read.
    func wait(since generation: UInt64) {
        pthread_mutex_lock(mutex)
        while count == generation { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

/// Starts a thread that the caller joins; `nil` where the system has none left.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { pointer in
            // The pointer is the box that was retained for this thread.
            Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        box.release()
        return nil
    }
    return thread
}
