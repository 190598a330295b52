package import ByteStream
internal import ContentStore
package import JobModel
package import Wire

/// What an agent's bulk streams serve beside content.
package protocol BulkRequestHandler: Sendable {
    /// Waits up to ``ReadLog/wait`` where nothing is at the offset yet.
    func readLog(_ request: ReadLog) async throws -> LogPage
    /// The offset at which the last so many lines start.
    func tailLog(
        _ token: StartToken, lines: UInt32, streams: Set<LogStream>
    ) async throws -> LogOffset
    /// Whether an environment is there, or can be had.
    func availability(of software: SoftwareEnvironment) async throws -> EnvironmentAvailability
    /// What is built here, or the one that was removed.
    func environments(_ request: EnvironmentRequest) async throws -> [EnvironmentView]
    /// Keeps a task's secrets where only memory holds them.
    func keep(_ secrets: [Secret], for token: StartToken) async throws
    /// What lies at a path here.
    func examineData(at path: String) async throws -> DataFingerprint
}

/// Answers the requests on bulk streams. One for a process; it may serve any number of streams.
package struct BulkServer: Sendable {
    private let inventory: TreeInventory
    private let executor: BlockingExecutor
    private let handler: any BulkRequestHandler

    package init(
        inventory: TreeInventory, executor: BlockingExecutor, handler: any BulkRequestHandler
    ) {
        self.inventory = inventory
        self.executor = executor
        self.handler = handler
    }

    /// Answers requests in their order until the stream ends, and closes it.
    ///
    /// - Throws: why it ended, other than by the peer's orderly close; the peer has been told.
    package func serve(_ connection: BulkConnection) async throws {
        do {
            while let request = try await connection.receive() {
                try await answer(request, on: connection)
            }
        } catch {
            await connection.report(error)
            await connection.close()
            throw TransferEnded.cause(of: error)
        }
        await connection.close()
    }

    private func answer(_ request: BulkMessage, on connection: BulkConnection) async throws {
        switch request {
        case .push:
            let receiver = TreeReceiver(
                connection: connection, inventory: inventory, executor: executor,
                onProgress: { _ in })
            _ = try await receiver.receive(nil)
        case .pull(let scope, let compressed):
            try await send(scope, compresses: compressed, over: connection)
        case .readLog(let request):
            try await sendLog(request, over: connection)
        case .tailLog, .checkEnvironment, .environments, .examineData, .secrets, .queryFiles,
            .queryTrees:
            var reply: BulkMessage
            do {
                reply = try await self.reply(to: request)
            } catch let error as ShuntError {
                reply = .failure(error)
            }
            try await connection.send(reply)
        case .failure, .logPage, .logOffset, .environmentState, .environmentList,
            .dataFingerprint, .secretsKept, .bitmap, .offer, .objects, .part, .end, .complete,
            .wanted:
            throw TransferFault.unexpected(request.kindName)
        }
    }

    /// - Throws: ``ShuntError`` for what the client hears; the stream goes on after that.
    private func reply(to request: BulkMessage) async throws -> BulkMessage {
        switch request {
        case .tailLog(let token, let lines, let streams):
            return .logOffset(
                try await handler.tailLog(token, lines: lines, streams: streams))
        case .checkEnvironment(let software):
            return .environmentState(try await handler.availability(of: software))
        case .environments(let request):
            return .environmentList(try await handler.environments(request))
        case .secrets(let token, let secrets):
            try await handler.keep(secrets, for: token)
            return .secretsKept
        case .examineData(let path):
            return .dataFingerprint(try await handler.examineData(at: path))
        case .queryFiles(let digests):
            return try await executor.run { [store = inventory.store] in
                .bitmap(MissingBitmap(try digests.map { try !store.contains($0) }))
            }
        case .queryTrees(let trees):
            return try await executor.run { [inventory] in
                var survey = TreeInventory.Survey(inventory: inventory)
                return .bitmap(TreeAnswer.bitmap(of: try trees.map { try survey.answer($0) }))
            }
        case .failure, .readLog, .push, .pull, .logPage, .logOffset, .environmentState,
            .environmentList, .dataFingerprint, .secretsKept, .bitmap, .offer, .objects, .part,
            .end, .complete,
            .wanted:
            throw TransferFault.unexpected(request.kindName)
        }
    }

    /// Each page goes out as soon as it is known whether another one follows it.
    private func sendLog(_ request: ReadLog, over connection: BulkConnection) async throws {
        var request = request
        var page: LogPage
        do {
            page = try await handler.readLog(request)
        } catch let error as ShuntError {
            return try await connection.send(.failure(error))
        }
        request.wait = Milliseconds(0)
        // A short page ends where the log does, for now.
        while request.furtherPages > 0, page.bytes.count > request.maximumBytes / 2 {
            request.furtherPages -= 1
            request.offset = page.nextOffset
            let next: LogPage
            do {
                next = try await handler.readLog(request)
            } catch is ShuntError {
                // Whoever asks for it hears why.
                break
            }
            page.hasMore = true
            try await connection.send(.logPage(page))
            page = next
        }
        try await connection.send(.logPage(page))
    }

    private func send(
        _ scope: PullScope, compresses: Bool, over connection: BulkConnection
    ) async throws {
        let sender = ContentSender(
            connection: connection, source: ObjectSource(store: inventory.store),
            executor: executor, options: TransferOptions(compresses: compresses))
        switch scope {
        case .tree(let tree):
            _ = try await sender.send(tree)
        case .listed(let digests):
            let objects = try await executor.run { [store = inventory.store] in
                try digests.map { try store.sized($0) }
            }
            try await sender.sendListed(objects)
        }
    }
}

extension ObjectStore {
    /// - Throws: ``ShuntError`` `.notFound` where the object is not here.
    func sized(_ digest: Digest) throws -> TreeObjects.File {
        guard let size = try size(of: digest) else {
            throw ShuntError(
                .notFound, "object `\(digest.short)` is not in the store `\(directory)`",
                hint: "shunt ps -a")
        }
        return TreeObjects.File(digest: digest, size: size)
    }
}
