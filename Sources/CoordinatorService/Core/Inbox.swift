internal import Dispatch
internal import JobModel
internal import Synchronization

/// The one way into the coordinator's core: a bounded queue that any task may fill and the core's
/// thread alone empties.
///
/// Whoever posts into a full inbox suspends until there is room, first come, first served, so a
/// flood of messages holds up its senders and not the memory of the process.
final class Inbox: Sendable {
    /// One thing for the core's thread to do.
    enum Item: Sendable {
        case event(CoordinatorEvent)
        case submit(SubmitRequest, RequestID)
        case query(Query)
        case stop
    }

    /// Reads, or waits for a change, after everything before it in the queue is durable. Either
    /// ``run`` or ``drop`` is called, once: somebody waits for it.
    struct Query: Sendable {
        var run: @Sendable (inout CoreTurn) -> Void
        /// The core has ended and will not answer any more.
        var drop: @Sendable () -> Void
    }

    /// Items that wait at most.
    static let capacity = 4096
    /// Items that become one transaction at most.
    static let turnLimit = 512

    private struct State {
        var items: [Item] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let arrival = DispatchSemaphore(value: 0)

    private enum Entry {
        case isIn
        case isFull
        case isClosed
    }

    /// Adds an item, suspending while the inbox is full. After ``close()`` items are dropped.
    func post(_ item: Item) async {
        while true {
            let entry = state.withLock { state -> Entry in
                if state.isClosed { return .isClosed }
                guard state.items.count < Self.capacity else { return .isFull }
                state.items.append(item)
                if state.items.count == 1 { arrival.signal() }
                return .isIn
            }
            switch entry {
            case .isIn: return
            case .isClosed: return Self.drop([item])
            case .isFull: break
            }
            await withCheckedContinuation { continuation in
                let hasRoom = state.withLock { state in
                    if state.items.count < Self.capacity || state.isClosed { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if hasRoom { continuation.resume() }
            }
        }
    }

    /// Takes what is there, waiting for at least one item. Only the core's thread calls it.
    func takeTurn() -> [Item] {
        while true {
            let (turn, woken) = state.withLock {
                state -> ([Item], [CheckedContinuation<Void, Never>]) in
                let turn = Array(state.items.prefix(Self.turnLimit))
                state.items.removeFirst(turn.count)
                let woken = turn.isEmpty ? [] : state.waiting
                if !turn.isEmpty { state.waiting = [] }
                if !state.items.isEmpty { arrival.signal() }
                return (turn, woken)
            }
            for continuation in woken { continuation.resume() }
            if !turn.isEmpty { return turn }
            arrival.wait()
        }
    }

    /// Tells whoever waits for one of these items that nothing comes. Requests with a
    /// ``RequestID`` are failed by ``CorePorts/close()``.
    static func drop(_ items: [Item]) {
        for case .query(let query) in items { query.drop() }
    }

    /// Drops what is there and lets everybody go who waits for room.
    func close() {
        let (items, woken) = state.withLock { state in
            defer {
                state.items = []
                state.waiting = []
                state.isClosed = true
            }
            return (state.items, state.waiting)
        }
        for continuation in woken { continuation.resume() }
        Self.drop(items)
    }
}
