internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Transfer

/// The coordinator's store, which it shares with the CLI, and the transfers out of it and into it.
struct CoordinatorContent: Sendable {
    let store: ObjectStore
    let inventory: TreeInventory
    let executor: BlockingExecutor

    init(store: ObjectStore, executor: BlockingExecutor) {
        self.store = store
        self.executor = executor
        inventory = TreeInventory(store: store)
    }

    /// Sends what the worker lacks of a tree.
    ///
    /// - Parameter references: where files are that were too large to be copied at submit.
    /// - Throws: ``ShuntError`` `.notFound` where this store lacks some of it too. What is damaged
    ///   here is moved aside by then, so that the next snapshot of the same files is whole.
    func push(
        _ tree: TreeReference, _ references: [FileReference], over client: BulkClient
    ) async throws -> TransferReport {
        do {
            return try await client.push(
                tree, from: ObjectSource(store: store, references: references), on: executor)
        } catch let error as ShuntError where error.code == .notFound {
            _ = try await executor.run { [store] in try store.setAsideDamage(in: tree) }
            throw ShuntError(
                .notFound, error.message + "; submit the job again where its files are",
                hint: error.hint)
        }
    }

    /// What the worker lacks of a tree, in bytes of files.
    func missing(_ tree: TreeReference, over client: BulkClient) async throws -> ByteCount {
        try await client.missingBytes(of: tree, in: store, on: executor)
    }

    /// Fetches what this store lacks of a tree, or has damaged; it is durable here when this
    /// returns.
    func pull(_ tree: TreeReference, over client: BulkClient) async throws {
        // A damaged directory hides what is damaged below it, so each round looks one level deeper.
        for _ in 0..<Self.deepestDamage {
            let missing = try await executor.run { [store] in
                store.hadDamage ? try store.setAsideDamage(in: tree) : 0
            }
            _ = try await client.pull(tree, into: inventory, on: executor)
            if missing == 0 { return }
        }
    }

    private static let deepestDamage = 256
}
