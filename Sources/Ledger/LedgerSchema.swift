internal import GRDB
internal import JobModel

/// The tables, and how older ones become today's. `PRAGMA user_version` counts the migrations that
/// a file has seen; each runs once, in a transaction with its count.
enum LedgerSchema {
    /// In order; only ever appended to.
    private static let migrations: [String] = [
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE job (
          sequence INTEGER PRIMARY KEY,
          id TEXT NOT NULL UNIQUE,
          client_key TEXT NOT NULL UNIQUE,
          name TEXT,
          state TEXT NOT NULL,
          settled INTEGER NOT NULL,
          record BLOB NOT NULL
        );
        CREATE INDEX job_by_name ON job (name, sequence) WHERE name IS NOT NULL;
        CREATE INDEX job_unsettled ON job (sequence) WHERE settled = 0;
        CREATE INDEX job_by_state ON job (state, sequence);
        """,
        """
        CREATE TABLE worker (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
        """,
        """
        CREATE TABLE labelled_output (
          content TEXT NOT NULL,
          metadata TEXT NOT NULL,
          label TEXT NOT NULL,
          PRIMARY KEY (content, metadata, label)
        ) WITHOUT ROWID;
        """,
    ]

    static func migrate(_ database: DatabaseQueue, path: String) throws {
        try database.inDatabase { connection in
            let version = try Int.fetchOne(connection, sql: "PRAGMA user_version") ?? 0
            guard version <= migrations.count else {
                throw ShuntError(
                    .refused,
                    "the home's ledger `\(path)` was written by a newer release of Shunt "
                        + "(format \(version), this release knows \(migrations.count))",
                    hint: "SHUNT_HOME=/var/tmp/shunt-other shunt ps")
            }
            for index in version..<migrations.count {
                try connection.inTransaction {
                    try connection.execute(sql: migrations[index])
                    try connection.execute(sql: "PRAGMA user_version = \(index + 1)")
                    return .commit
                }
            }
        }
    }
}
