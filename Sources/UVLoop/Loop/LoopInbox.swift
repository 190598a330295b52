internal import ByteStream
internal import CLibUV
internal import Synchronization

/// The line of jobs and actions in front of a loop. Anybody appends; the loop's thread runs them
/// in order, a bounded number in each turn of the loop, before it waits for its sockets.
///
/// Two C handles serve it. `uv_prepare_t` runs the line before every wait, so that what the loop's
/// own callbacks append needs no signal. `uv_async_t` wakes the loop from other threads; libuv
/// merges its calls and each may cost a system call, so it is called only for the first item that
/// comes to a loop that sleeps.
final class LoopInbox: Sendable {
    enum Item: Sendable {
        case job(UnownedJob)
        case action(@Sendable () -> Void)
    }

    private struct State: Sendable {
        var items = Fifo<Item>()
        /// The loop will look at the line before it next sleeps.
        var isAwake = false
        var isOpen = true
    }

    private let state = Mutex(State())
    /// Memory of the handles: freed by their close callbacks. Other threads touch only `signal`,
    /// only in `uv_async_send`, which is made for that, under the lock and while the inbox is open;
    /// the rest happens on the loop's thread.
    private nonisolated(unsafe) let signal: UnsafeMutablePointer<uv_async_t>
    private nonisolated(unsafe) let turn: UnsafeMutablePointer<uv_prepare_t>

    /// - Parameter loop: outlives its handles, so that it is not retained by them.
    init(on memory: UnsafeMutablePointer<uv_loop_t>) throws(StreamError) {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: uv_handle_size(UV_ASYNC), alignment: 16)
        signal = raw.bindMemory(to: uv_async_t.self, capacity: 1)
        // Waking is all that it does: the turn that follows looks at the line.
        let code = uv_async_init(memory, signal) { _ in }
        if code < 0 { raw.deallocate() }
        try uvCall("make a loop", code)
        // Neither is a `UVHandle`: whoever walks the loop's handles passes them over.
        signal.pointee.data = nil

        turn = UnsafeMutableRawPointer.allocate(
            byteCount: uv_handle_size(UV_PREPARE), alignment: 16
        ).bindMemory(to: uv_prepare_t.self, capacity: 1)
        // These two cannot fail.
        uv_prepare_init(memory, turn)
        turn.pointee.data = nil
        uv_prepare_start(turn) { handle in
            guard let loop = handle?.pointee.loop.pointee.data else { return }
            Unmanaged<UVLoop>.fromOpaque(loop).takeUnretainedValue().runTurn()
        }
    }

    /// - Returns: false if the loop has ended: the item is dropped. Whatever is accepted runs.
    @discardableResult
    func append(_ item: Item, isOnLoop: Bool) -> Bool {
        state.withLock { state in
            guard state.isOpen else { return false }
            state.items.append(item)
            if !state.isAwake, !isOnLoop {
                // Fails only for a handle of another type.
                uv_async_send(signal)
            }
            state.isAwake = true
            return true
        }
    }

    /// Takes the oldest item, or notes that the loop may go to sleep.
    func next() -> Item? {
        state.withLock { state in
            let item = state.items.popFirst()
            state.isAwake = item != nil
            return item
        }
    }

    /// Has the loop only look at its sockets and timers before its next turn, if there are items.
    func continueNextTurn() {
        state.withLock { state in
            state.isAwake = !state.items.isEmpty
            if state.isAwake { uv_async_send(signal) }
        }
    }

    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// Accepts nothing more and frees the handles.
    ///
    /// - Returns: what was still in line.
    func close() -> [Item] {
        let items = state.withLock { state in
            state.isOpen = false
            return state.items.takeAll()
        }
        for memory in [UnsafeMutableRawPointer(signal), UnsafeMutableRawPointer(turn)] {
            uv_close(memory.assumingMemoryBound(to: uv_handle_t.self)) {
                UnsafeMutableRawPointer($0)?.deallocate()
            }
        }
        return items
    }
}

extension UVLoop {
    /// Runs the line, up to a bound, on the loop's thread.
    func runTurn() {
        for _ in 0..<LoopLimits.jobsPerTurn {
            guard let item = inbox.next() else { return }
            run(item)
        }
        inbox.continueNextTurn()
    }

    func run(_ item: LoopInbox.Item) {
        switch item {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .action(let action): action()
        }
    }
}
