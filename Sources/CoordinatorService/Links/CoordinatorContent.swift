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
    func push(
        _ tree: TreeReference, _ references: [FileReference], over client: BulkClient
    ) async throws -> TransferReport {
        try await client.push(
            tree, from: ObjectSource(store: store, references: references), on: executor)
    }

    /// What the worker lacks of a tree, in bytes of files.
    func missing(_ tree: TreeReference, over client: BulkClient) async throws -> ByteCount {
        try await client.missingBytes(of: tree, in: store, on: executor)
    }

    /// Fetches what this store lacks of a tree; it is durable here when this returns.
    func pull(_ tree: TreeReference, over client: BulkClient) async throws {
        _ = try await client.pull(tree, into: inventory, on: executor)
    }
}
