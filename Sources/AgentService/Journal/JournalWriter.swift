internal import ByteStream
internal import JobModel
internal import Synchronization

/// The journal on a thread of its own, so that nothing else on the disk stands before its syncs.
final class JournalWriter: Sendable {
    private let executor: BlockingExecutor
    private let journal: Mutex<Journal>

    init(_ journal: sending Journal) throws {
        executor = try BlockingExecutor(name: "journal", threads: 1, queueLimit: 4)
        self.journal = Mutex(journal)
    }

    /// - Returns: whether the journal has grown enough to be rewritten.
    func append(_ records: [AgentRecord]) async throws -> Bool {
        try await executor.run { [self] in
            try journal.withLock { journal in
                try journal.append(records)
                return journal.wantsCompaction
            }
        }
    }

    func rewrite(_ records: [AgentRecord]) async throws {
        try await executor.run { [self] in
            try journal.withLock { try $0.rewrite(records) }
        }
    }
}
