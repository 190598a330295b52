package import JobModel

internal import Foundation
internal import GRDB

/// What a transaction does to the workers that are known.
package enum WorkerChange: Sendable {
    case put(WorkerRecord)
    case delete(WorkerName)
}

extension Ledger {
    /// Every worker that was added and not removed, by name.
    package func workers() throws -> [WorkerRecord] {
        let rows = try read { connection in
            try Data.fetchAll(connection, sql: "SELECT record FROM worker ORDER BY name")
        }
        let decoder = JSONDecoder()
        return try rows.map { row in
            do {
                return try decoder.decode(WorkerRecord.self, from: row)
            } catch {
                throw ShuntError(
                    .failed, "a worker in the ledger cannot be read: \(error)",
                    hint: "shunt coordinator status")
            }
        }
    }

    static func apply(_ changes: [WorkerChange], to connection: Database) throws {
        for change in changes {
            switch change {
            case .put(let record):
                try connection.execute(
                    sql: "INSERT OR REPLACE INTO worker (name, record) VALUES (?, ?)",
                    arguments: [record.name.text, try encode(record)])
            case .delete(let name):
                try connection.execute(
                    sql: "DELETE FROM worker WHERE name = ?", arguments: [name.text])
            }
        }
    }
}
