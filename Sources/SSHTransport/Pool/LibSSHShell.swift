internal import ByteStream
internal import Synchronization

/// The `libssh` transport: connections of our own to one destination, kept and shared.
///
/// A stream goes to a connection that has room for it; where none has, another is opened, a few at
/// a time, up to a bound, and what does not fit waits. How many streams a connection takes is
/// learnt from the server (MaxSessions).
package final class LibSSHShell: RemoteShell {
    private let target: SSHTarget
    private let limits: PoolLimits
    private let options: Mutex<SSHOptions>
    private let pool: Mutex<ConnectionPool<SSHConnection>>

    package init(target: SSHTarget, options: SSHOptions, limits: PoolLimits = PoolLimits()) {
        self.target = target
        self.limits = limits
        self.options = Mutex(options)
        pool = Mutex(ConnectionPool(limits: limits))
    }

    deinit { for connection in pool.withLock({ $0.close() }) { Self.drop(connection) } }

    package nonisolated(nonsending) func open(_ command: String) async throws -> any RemoteStream {
        try Self.check(command)
        // A kept connection may have broken unseen, or turn out to have less room than thought:
        // each of those costs one round, and there are only so many connections.
        var last: SSHError?
        for _ in 0...limits.connections {
            let (number, isNew) = try await connectionNumber()
            guard let connection = pool.withLock({ $0.connection(number) }) else { continue }
            do {
                let stream = try await connection.open(command)
                pool.withLock { $0.noteUse(number) }
                return stream
            } catch let error as SSHError where error.code == .sessionLimit {
                let outcome = pool.withLock { $0.limit(number) }
                wakeWaiting()
                if let dropped = outcome.dropped { Self.drop(dropped) }
                if outcome.isHopeless { throw error }
                last = error
            } catch let error as SSHError where connection.isOver && !isNew {
                pool.withLock { $0.remove(number) }
                wakeWaiting()
                last = error
            } catch let error as SSHError where error.code == .timedOut && !isNew {
                // A link that was cut without a word: what still hopes for it keeps it.
                pool.withLock { $0.distrust(number) }
                wakeWaiting()
                last = error
            }
        }
        throw last ?? .closed
    }

    package nonisolated(nonsending) func openOnOwnConnection(
        _ command: String
    ) async throws -> any RemoteStream {
        try Self.check(command)
        try await takeOpeningSlot()
        let connection: SSHConnection
        do {
            connection = try await connect()
        } catch {
            pool.withLock { $0.openingEnded() }
            wakeWaiting()
            throw error
        }
        pool.withLock { $0.openingEnded() }
        wakeWaiting()
        connection.reserve()
        return OwnConnectionStream(try await connection.open(command), connection)
    }

    /// As ``RemoteShell/use(authSocket:)``.
    package func use(authSocket: String?) { options.withLock { $0.authSocket = authSocket } }

    package nonisolated(nonsending) func close() async {
        let (connections, waiting) = pool.withLock { ($0.close(), $0.takeAllWaiting()) }
        for promise in waiting { promise.fulfil(.success(())) }
        await withTaskGroup { group in
            for connection in connections { group.addTask { await connection.close() } }
        }
    }

    /// Connections that stand, for whoever looks.
    package var connections: Int { pool.withLock { $0.count } }

    private static func check(_ command: String) throws(SSHError) {
        guard !command.utf8.contains(0), command.utf8.count <= SSHLimits.command else {
            throw SSHError(
                .configuration, "a command of \(command.utf8.count) bytes cannot be sent",
                hint: "send what is long over the command's standard input")
        }
    }

    // MARK: Finding room

    /// A connection on which a place is kept, and whether it was opened for that.
    private nonisolated(nonsending) func connectionNumber() async throws -> (Int, isNew: Bool) {
        while true {
            switch pool.withLock({ $0.place() }) {
            case .use(let number): return (number, false)
            case .open(let number): return (try await openConnection(number), true)
            case .wait(let promise):
                guard let outcome = await promise.value() else {
                    pool.withLock { $0.leave(promise) }
                    // It may have been its turn.
                    wakeWaiting()
                    throw CancellationError()
                }
                try outcome.get()
            case .refuse(let error): throw error
            }
        }
    }

    private nonisolated(nonsending) func openConnection(_ number: Int) async throws -> Int {
        do {
            let connection = try await connect()
            let isKept = pool.withLock { $0.add(connection, number) }
            wakeWaiting()
            if isKept { return number }
            Self.drop(connection)
            throw SSHError.closed
        } catch {
            // Whoever waits for this connection waits for one to the same place: it would fail
            // as this one did, after as long a time.
            for waiting in pool.withLock({ $0.openingFailed() }) {
                waiting.fulfil((error as? SSHError).map { .failure($0) } ?? .success(()))
            }
            wakeWaiting()
            throw error
        }
    }

    private nonisolated(nonsending) func takeOpeningSlot() async throws {
        while true {
            switch pool.withLock({ $0.takeOpeningSlot() }) {
            case .wait(let promise):
                guard let outcome = await promise.value() else {
                    pool.withLock { $0.leave(promise) }
                    // It may have been its turn.
                    wakeWaiting()
                    throw CancellationError()
                }
                try outcome.get()
            case .refuse(let error): throw error
            case .use, .open: return
            }
        }
    }

    private nonisolated(nonsending) func connect() async throws -> SSHConnection {
        // Many that start at once, after a cut, would be turned away by MaxStartups.
        let others = pool.withLock { $0.opening } - 1
        if others > 0 { try await Task.sleep(for: .milliseconds(Int.random(in: 5...60))) }
        let current = options.withLock { $0 }
        return try await SSHConnection.open(target, current) { [weak self] in
            self?.lookAgain()
        }
    }

    // MARK: What changes

    /// A connection has more room, or has ended. Called from its thread.
    private func lookAgain() {
        let ended = pool.withLock { $0.removeEnded() }
        // Dropped only here, outside of the lock.
        withExtendedLifetime(ended) {}
        wakeWaiting()
        retireIdle()
    }

    private func wakeWaiting() {
        for promise in pool.withLock({ $0.takeWaiting() }) { promise.fulfil(.success(())) }
    }

    /// Closes what nobody has used for a while, all but the last connection.
    private func retireIdle() {
        let mustLook = pool.withLock { $0.beginRetiring() }
        guard mustLook else { return }
        Task { [weak self, limits] in
            // Cancelled by nobody; a shell that goes takes its connections along.
            try? await Task.sleep(for: limits.idle)
            guard let self else { return }
            for connection in pool.withLock({ $0.retire() }) { Self.drop(connection) }
        }
    }

    private static func drop(_ connection: SSHConnection) {
        Task { await connection.close() }
    }
}

/// How many connections a shell keeps, and how full.
package struct PoolLimits: Hashable, Sendable {
    /// Connections for shared streams.
    package var connections = 8
    /// Streams on one, until the server says that it takes fewer: sshd's MaxSessions is 10.
    package var streams = 8
    /// Connections that are opened at once; sshd's MaxStartups drops some of more than 10.
    package var opening = 2
    /// Callers that wait for room.
    package var waiting = 1024
    /// Connections beyond the last one close after so long without a stream.
    package var idle = Duration.seconds(30)

    package init() {}
}

/// A stream whose connection goes with it.
final class OwnConnectionStream: RemoteStream {
    private let stream: any RemoteStream
    private let connection: SSHConnection

    init(_ stream: any RemoteStream, _ connection: SSHConnection) {
        self.stream = stream
        self.connection = connection
    }

    nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        try await stream.read(atMost: limit)
    }

    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await stream.write(bytes)
    }

    func finishWriting() { stream.finishWriting() }

    nonisolated(nonsending) func exit() async -> RemoteExit? { await stream.exit() }

    var diagnostics: [UInt8] { stream.diagnostics }

    nonisolated(nonsending) func close() async {
        await stream.close()
        await connection.close()
    }
}
