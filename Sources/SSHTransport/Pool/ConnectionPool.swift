/// Which connection the next stream goes to: the decisions of ``LibSSHShell``, made under its lock.
/// Nothing is waited for here, and nobody is woken.
struct ConnectionPool<Connection: PooledConnection> {
    typealias Waiting = Promise<Result<Void, SSHError>>

    private struct Entry {
        var connection: Connection
        var limit: Int
        /// No stream has been opened on it.
        var isFresh = true
        var idleSince: ContinuousClock.Instant?

        var room: Int { connection.isOver ? 0 : limit - connection.sessions }
    }

    private let limits: PoolLimits
    private var entries: [Int: Entry] = [:]
    private var next = 0
    private var waiting: [Waiting] = []
    private var isClosed = false
    private var isRetiring = false
    /// Connections that are being opened, those for one stream alone among them.
    private(set) var opening = 0
    /// Streams on one connection, as far as the server has shown.
    private var streams: Int
    /// Those of them that are to be shared.
    private var openingShared = 0

    init(limits: PoolLimits) {
        self.limits = limits
        streams = limits.streams
    }

    var count: Int { entries.values.count { $0.limit > 0 } }

    enum Place {
        /// A place on this connection is reserved.
        case use(Int)
        /// The caller opens a connection of this number; the first place on it is its own.
        case open(Int)
        /// The caller tries again once the promise comes.
        case wait(Waiting)
        case refuse(SSHError)
    }

    mutating func place() -> Place {
        if isClosed { return .refuse(.closed) }
        // The fullest that still has room, so that others fall idle and close.
        let best = entries.filter { $0.value.room > 0 }
            .min { ($0.value.room, $0.key) < ($1.value.room, $1.key) }
        if let number = best?.key {
            entries[number]?.connection.reserve()
            return .use(number)
        }
        let trusted = entries.values.count { $0.limit > 0 }
        guard trusted + openingShared < limits.connections, opening < limits.opening,
            // One that is on its way has room for as many as wait for it.
            openingShared * (streams - 1) <= waiting.count
        else { return wait() }
        opening += 1
        openingShared += 1
        next += 1
        return .open(next)
    }

    mutating func takeOpeningSlot() -> Place {
        if isClosed { return .refuse(.closed) }
        guard opening < limits.opening else { return wait() }
        opening += 1
        return .open(0)
    }

    private mutating func wait() -> Place {
        guard waiting.count < limits.waiting else {
            return .refuse(
                SSHError(
                    .sessionLimit, "\(waiting.count) streams wait for room already", hint: nil))
        }
        let promise = Waiting()
        waiting.append(promise)
        return .wait(promise)
    }

    mutating func leave(_ promise: Waiting) { waiting.removeAll { $0 === promise } }

    /// - Returns: those whose turn it is, the first to come first: as many as there is room for.
    ///   Each looks again, and waits again where somebody was quicker.
    mutating func takeWaiting() -> [Waiting] {
        let room = entries.values.reduce(0) { $0 + max(0, $1.room) }
        let count = min(waiting.count, room + max(0, limits.opening - opening))
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    mutating func takeAllWaiting() -> [Waiting] {
        defer { waiting = [] }
        return waiting
    }

    // MARK: Connections

    func connection(_ number: Int) -> Connection? { entries[number]?.connection }

    /// - Returns: false if the shell was closed meanwhile.
    mutating func add(_ connection: Connection, _ number: Int) -> Bool {
        opening -= 1
        openingShared -= 1
        guard !isClosed else { return false }
        connection.reserve()
        entries[number] = Entry(connection: connection, limit: streams)
        return true
    }

    mutating func openingEnded() { opening -= 1 }

    /// - Returns: those who waited while it failed.
    mutating func openingFailed() -> [Waiting] {
        opening -= 1
        openingShared -= 1
        return entries.isEmpty ? takeAllWaiting() : []
    }

    /// A stream was opened on it.
    mutating func noteUse(_ number: Int) { entries[number]?.isFresh = false }

    /// The server opened no session: so many as there are now are its limit.
    ///
    /// - Returns: whether it does not open a single one; and the connection, if it is to be closed
    ///   because it has none left and opens none.
    mutating func limit(_ number: Int) -> (isHopeless: Bool, dropped: Connection?) {
        guard var entry = entries[number] else { return (false, nil) }
        let sessions = entry.connection.sessions
        guard entry.limit > 0 else { return (false, nil) }
        entry.limit = max(1, min(entry.limit - 1, sessions))
        entries[number] = entry
        streams = min(streams, entry.limit)
        guard sessions == 0 else { return (false, nil) }
        entries[number] = nil
        return (entry.isFresh, entry.connection)
    }

    mutating func remove(_ number: Int) { entries[number] = nil }

    /// It does not answer: it gets no more streams, and is let go when its last has ended.
    mutating func distrust(_ number: Int) { entries[number]?.limit = 0 }

    mutating func removeEnded() -> [Connection] {
        let gone = entries.filter { _, entry in
            entry.connection.isOver || entry.limit == 0 && entry.connection.sessions == 0
        }
        for number in gone.keys { entries[number] = nil }
        return gone.values.map(\.connection)
    }

    // MARK: Idle ones

    /// - Returns: whether somebody must look after a while.
    mutating func beginRetiring() -> Bool {
        markIdle()
        guard !isRetiring, entries.count > 1, entries.contains(where: { $0.value.idleSince != nil })
        else { return false }
        isRetiring = true
        return true
    }

    mutating func retire() -> [Connection] {
        isRetiring = false
        markIdle()
        let due = ContinuousClock.now - limits.idle
        let idle = entries.filter { $0.value.idleSince.map { $0 <= due } ?? false }
            .keys.sorted(by: >).prefix(max(0, entries.count - 1))
        return idle.compactMap { entries.removeValue(forKey: $0)?.connection }
    }

    private mutating func markIdle() {
        for (number, entry) in entries {
            let isIdle = entry.connection.sessions == 0
            entries[number]?.idleSince = isIdle ? entry.idleSince ?? .now : nil
        }
    }

    mutating func close() -> [Connection] {
        isClosed = true
        defer { entries = [:] }
        return entries.values.map(\.connection)
    }
}

/// What a pool asks of a connection.
protocol PooledConnection {
    /// Sessions that the server counts, and places that are kept.
    var sessions: Int { get }
    /// Keeps a place for a stream that is about to be opened.
    func reserve()
    /// It takes no more streams.
    var isOver: Bool { get }
}

extension SSHConnection: PooledConnection {}
