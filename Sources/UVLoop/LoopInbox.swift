internal import ByteStream
internal import CLibUV
internal import Synchronization

/// The line of jobs and actions in front of a loop, and the `uv_async_t` that tells the loop of
/// it. Anybody appends; the loop's thread runs them in order, a bounded number per turn.
///
/// libuv merges calls of `uv_async_send`, and each may cost a system call: it is called only for
/// the first item that comes to an idle loop.
final class LoopInbox: Sendable {
    enum Item: Sendable {
        case job(UnownedJob)
        case action(@Sendable () -> Void)
    }

    private struct State: Sendable {
        var items = Fifo<Item>()
        /// The loop has been told, or is at work and will look again.
        var isAwake = false
        var isOpen = true
    }

    private let state = Mutex(State())
    /// Memory of the handle: freed by its close callback. Other threads touch it only in
    /// `uv_async_send`, which is made for that, under the lock and while the inbox is open; the
    /// rest happens on the loop's thread.
    private nonisolated(unsafe) let handle: UnsafeMutablePointer<uv_async_t>

    init(on loop: UnsafeMutablePointer<uv_loop_t>) throws(StreamError) {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: uv_handle_size(UV_ASYNC), alignment: 16)
        handle = raw.bindMemory(to: uv_async_t.self, capacity: 1)
        let code = uv_async_init(loop, handle) { handle in
            guard let loop = handle?.pointee.loop.pointee.data else { return }
            Unmanaged<UVLoop>.fromOpaque(loop).takeUnretainedValue().runTurn()
        }
        if code < 0 { raw.deallocate() }
        try uvCall("make a loop", code)
        // Not a `UVHandle`: whoever walks the loop's handles passes it over.
        handle.pointee.data = nil
    }

    /// Says whose inbox it is, before anything is appended. The loop outlives its handles, so that
    /// it need not be retained.
    func attach(to loop: UVLoop) {
        handle.pointee.loop.pointee.data = Unmanaged.passUnretained(loop).toOpaque()
    }

    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// - Returns: false if the loop has ended: the item is dropped.
    @discardableResult
    func append(_ item: Item) -> Bool {
        state.withLock { state in
            guard state.isOpen else { return false }
            state.items.append(item)
            if !state.isAwake { wake(&state) }
            return true
        }
    }

    /// Takes the oldest item, or notes that the loop goes to sleep.
    func next() -> Item? {
        state.withLock { state in
            if let item = state.items.popFirst() { return item }
            state.isAwake = false
            return nil
        }
    }

    /// Has the loop come back after it has looked at its sockets and timers.
    func continueNextTurn() {
        state.withLock { wake(&$0) }
    }

    /// Takes nothing more, and frees the handle.
    func close() {
        state.withLock { state in
            state.isOpen = false
            state.items = Fifo()
        }
        let handle = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
        uv_close(handle) { UnsafeMutableRawPointer($0)?.deallocate() }
    }

    private func wake(_ state: inout State) {
        state.isAwake = true
        // Fails only for a handle of another type.
        uv_async_send(handle)
    }
}

extension UVLoop {
    /// Runs the line, up to a bound, on the loop's thread.
    func runTurn() {
        for _ in 0..<LoopLimits.jobsPerTurn {
            switch inbox.next() {
            case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
            case .action(let action): action()
            case nil: return
            }
        }
        inbox.continueNextTurn()
    }
}
