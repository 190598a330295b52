package import JobModel

internal import Foundation
internal import GRDB

/// The durable record of a coordinator: every job that was ever submitted to a home, and who the
/// coordinator is.
///
/// One SQLite connection in WAL mode with `synchronous=FULL` and exclusive locking, used by the
/// coordinator's core thread alone. A commit is one transaction; when ``commit(_:)`` returns, the
/// rows survive a power cut. A home that a newer release wrote is refused, never converted back.
package final class Ledger: Sendable {
    private let database: DatabaseQueue
    private let path: String
    private let reserve: LedgerReserve

    /// Opens the ledger, creating or migrating it.
    ///
    /// - Parameter path: of the database file, in an existing directory that the caller has locked.
    /// - Throws: ``ShuntError`` for a newer format, a file that is no ledger, or a failing disk.
    package init(path: String) throws {
        self.path = path
        reserve = LedgerReserve(path: path + ".reserve")
        database = try Self.retrying(with: reserve, path) { try Self.open(path) }
        reserve.makeGood()
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "ledger"
        configuration.prepareDatabase { connection in
            // GRDB would set synchronous=NORMAL together with WAL, so WAL is set here.
            try connection.execute(sql: "PRAGMA locking_mode=EXCLUSIVE")
            try connection.execute(sql: "PRAGMA journal_mode=WAL")
            try connection.execute(sql: "PRAGMA synchronous=FULL")
        }
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.inDatabase { connection in
            let mode = try String.fetchOne(connection, sql: "PRAGMA journal_mode")
            let synchronous = try Int.fetchOne(connection, sql: "PRAGMA synchronous")
            guard mode == "wal", synchronous == 2 else {
                throw ShuntError(
                    .failed,
                    "the ledger `\(path)` cannot be made durable (journal \(mode ?? "none"))",
                    hint: "df -T '\(path)'")
            }
        }
        try LedgerSchema.migrate(database, path: path)
        return database
    }

    /// Who the coordinator of this home is, and its next epoch, made durable before it returns.
    ///
    /// - Parameter candidate: becomes the identity of a home that has none yet.
    package func beginEpoch(candidate: CoordinatorID) throws -> (id: CoordinatorID, epoch: UInt64) {
        try write { connection in
            let known = try String.fetchOne(
                connection, sql: "SELECT value FROM meta WHERE key = 'coordinator_id'")
            let id = known.flatMap { CoordinatorID($0) } ?? candidate
            let last = try Int64.fetchOne(
                connection, sql: "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'")
            let epoch = (last ?? 0) + 1
            try connection.execute(
                sql: "INSERT OR REPLACE INTO meta VALUES ('coordinator_id', ?), ('epoch', ?)",
                arguments: [id.text, String(epoch)])
            return (id, UInt64(epoch))
        }
    }

    /// Why no new job can be taken: what is left of a full disk is for those that are there. `nil`
    /// where one can.
    package func refusalOfNewJobs() -> ShuntError? {
        reserve.hasRoom() ? nil : Self.full(path)
    }

    /// Writes jobs and workers as one transaction.
    package func commit(_ jobs: [JobRecord], _ workers: [WorkerChange] = []) throws {
        guard !jobs.isEmpty || !workers.isEmpty else { return }
        try write { connection in
            try Self.apply(workers, to: connection)
            let statement = try connection.cachedStatement(
                sql: """
                    INSERT INTO job (sequence, id, client_key, name, state, settled, record)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (sequence) DO UPDATE SET
                      state = excluded.state, settled = excluded.settled, record = excluded.record
                    """)
            for job in jobs {
                try statement.execute(arguments: [
                    Int64(job.sequence), job.id.text, job.clientKey, job.spec.name?.text,
                    job.state.rawValue, job.isSettled ? 1 : 0, try Self.encode(job),
                ])
                if !job.labels.isEmpty { try Self.noteLabels(of: job, in: connection) }
            }
        }
    }

    /// One transaction, durable when this returns.
    private func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        let value = try Self.retrying(with: reserve, path) { try database.write(body) }
        reserve.makeGood()
        return value
    }

    /// Runs `body`, and once more for each piece of the reserve while the disk is full.
    private static func retrying<Value>(
        with reserve: LedgerReserve, _ path: String, _ body: () throws -> Value
    ) throws -> Value {
        while true {
            do {
                return try body()
            } catch let error as DatabaseError {
                if error.resultCode == .SQLITE_FULL, reserve.giveUpPiece() { continue }
                throw translated(error, path: path)
            }
        }
    }

    static func encode(_ record: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(record)
    }

    private static func full(_ path: String) -> ShuntError {
        ShuntError(.failed, "no space is left for the ledger `\(path)`", hint: "df -h '\(path)'")
    }

    private static func translated(_ error: DatabaseError, path: String) -> ShuntError {
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            ShuntError(
                .failed, "the ledger `\(path)` is damaged: \(error.message ?? "")",
                hint: "mv '\(path)' '\(path).damaged'")
        case .SQLITE_FULL: full(path)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            ShuntError(
                .refused, "the ledger `\(path)` is in use by another process",
                hint: "shunt coordinator status")
        default:
            ShuntError(
                .failed, "the ledger `\(path)` cannot be used: \(error.message ?? "\(error)")",
                hint: "ls -l '\(path)'; df -h '\(path)'")
        }
    }
}

extension Ledger {
    /// Every job that the core has to know: not over, or not acknowledged, or being fetched.
    package func unsettledJobs() throws -> [JobRecord] {
        try fetch(where: "settled = 0 ORDER BY sequence", [])
    }

    /// The highest sequence ever given, 0 in an empty ledger.
    package func lastSequence() throws -> UInt64 {
        try database.read { connection in
            UInt64(try Int64.fetchOne(connection, sql: "SELECT MAX(sequence) FROM job") ?? 0)
        }
    }

    /// A job as it was last committed; `nil` if it was never.
    package func job(_ id: JobID) throws -> JobRecord? {
        try fetch(where: "id = ?", [id.text]).first
    }

    /// The job that was submitted under a client's key.
    package func jobID(clientKey: String) throws -> JobID? {
        try database.read { connection in
            try String.fetchOne(
                connection, sql: "SELECT id FROM job WHERE client_key = ?", arguments: [clientKey])
        }.flatMap { JobID($0) }
    }

    /// What a person means: an ID, the latest job of a name, or a unique prefix of an ID.
    ///
    /// - Throws: ``ShuntError`` with `notFound` for none and `usage` for an ambiguous prefix.
    package func resolve(_ reference: String) throws -> JobID {
        if let id = JobID(reference), try contains(id) { return id }
        let found = try database.read { connection in
            if let named = try String.fetchOne(
                connection, sql: "SELECT id FROM job WHERE name = ? ORDER BY sequence DESC LIMIT 1",
                arguments: [reference])
            {
                return [named]
            }
            guard !reference.isEmpty, reference.utf8.allSatisfy({ JobID.alphabet.contains($0) })
            else { return [] }
            return try String.fetchAll(
                connection, sql: "SELECT id FROM job WHERE id >= ? AND id < ? || '~' LIMIT 5",
                arguments: [reference, reference])
        }
        if found.count > 1 {
            throw ShuntError(
                .usage,
                "`\(reference)` is the beginning of several jobs: "
                    + found.map { "`\($0)`" }.joined(separator: ", "),
                hint: "shunt ps -a")
        }
        guard let id = found.first.flatMap({ JobID($0) }) else {
            throw ShuntError(
                .notFound, "there is no job `\(reference)`", hint: "shunt ps -a")
        }
        return id
    }

    /// - Parameters:
    ///   - all: whether jobs that are over are among them.
    ///   - limit: 1 … 10,000; the newest ones come first.
    package func jobs(all: Bool, limit: Int) throws -> [JobRecord] {
        try fetch(
            where: (all ? "1" : "state IN ('queued', 'active')")
                + " ORDER BY sequence DESC LIMIT \(limit)", [])
    }

    /// Whether a job of this ID was ever committed.
    package func contains(_ id: JobID) throws -> Bool {
        try database.read { connection in
            try Int.fetchOne(
                connection, sql: "SELECT 1 FROM job WHERE id = ?", arguments: [id.text]) != nil
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try database.read(body)
    }

    private func fetch(where condition: String, _ arguments: [String]) throws -> [JobRecord] {
        let rows = try database.read { connection in
            try Data.fetchAll(
                connection, sql: "SELECT record FROM job WHERE \(condition)",
                arguments: StatementArguments(arguments))
        }
        let decoder = JSONDecoder()
        return try rows.map { row in
            do {
                return try decoder.decode(JobRecord.self, from: row)
            } catch {
                throw ShuntError(
                    .failed, "a job in the ledger cannot be read: \(error)",
                    hint: "shunt coordinator status")
            }
        }
    }
}
