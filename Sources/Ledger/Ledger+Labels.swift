package import JobModel

internal import GRDB

extension Ledger {
    /// Every tree that a job with labelled data has left, once for each label.
    package func labelledOutputs() throws -> [(tree: TreeReference, label: DataLabel)] {
        let rows = try read { connection in
            try Row.fetchAll(
                connection, sql: "SELECT content, metadata, label FROM labelled_output")
        }
        return try rows.map { row in
            guard let content = Digest(hex: row["content"] as String),
                let metadata = Digest(hex: row["metadata"] as String),
                let label = DataLabel(row["label"] as String)
            else {
                throw ShuntError(
                    .failed, "a label of outputs in the ledger cannot be read",
                    hint: "shunt coordinator status")
            }
            return (TreeReference(content: content, metadata: metadata), label)
        }
    }

    static func noteLabels(of job: JobRecord, in connection: Database) throws {
        for tree in job.outputTrees {
            for label in job.labels {
                try connection.execute(
                    sql: "INSERT OR IGNORE INTO labelled_output VALUES (?, ?, ?)",
                    arguments: [tree.content.hex, tree.metadata.hex, label.text])
            }
        }
    }
}
