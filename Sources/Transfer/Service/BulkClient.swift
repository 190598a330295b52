package import ByteStream
package import ContentStore
package import JobModel
internal import Synchronization
package import Wire

/// The coordinator's end of a bulk stream: one request at a time, each answered before the next.
///
/// After a request that failed with the agent's own words the stream can be used again, unless it
/// was a transfer; ``isReusable`` says so. After anything else it is fit only for ``close()``.
package final class BulkClient: Sendable {
    private let connection: BulkConnection
    private let isIdle = Atomic(true)

    package init(_ connection: BulkConnection) {
        self.connection = connection
    }

    /// Whether another request can follow.
    package var isReusable: Bool { isIdle.load(ordering: .acquiring) }

    /// Closes the stream. Requests that are under way fail.
    package func close() async { await connection.close() }

    // MARK: Logs and environments

    /// A part of a task's log, of as many pages as the request allows; empty where nothing came in
    /// time.
    package func readLog(_ request: ReadLog) async throws -> LogPage {
        begin()
        try await connection.send(.readLog(request))
        var whole: LogPage?
        var furtherPages = request.furtherPages
        while true {
            guard let message = try await connection.receive() else { throw WireError.truncated }
            switch message {
            case .failure(let error) where whole == nil:
                end()
                throw error
            case .logPage(let page):
                guard page.nextOffset >= whole?.nextOffset ?? request.offset,
                    !page.hasMore || furtherPages > 0
                else { throw TransferFault.unexpected(message.kindName) }
                furtherPages -= 1
                whole = LogPage(
                    bytes: (whole?.bytes ?? []) + page.bytes, nextOffset: page.nextOffset,
                    isComplete: page.isComplete)
                if page.hasMore { continue }
                end()
                return whole ?? page
            default: throw TransferFault.unexpected(message.kindName)
            }
        }
    }

    /// Where the last `lines` lines of a task's log start.
    ///
    /// - Parameter streams: whose lines count; empty for all.
    package func tailLog(
        _ token: StartToken, lines: UInt32, streams: Set<LogStream>
    ) async throws -> LogOffset {
        try await ask(.tailLog(token, lines: lines, streams: streams)) { answer in
            guard case .logOffset(let offset) = answer else { return nil }
            return offset
        }
    }

    /// Whether the worker has an environment, or can build it.
    package func availability(
        of software: SoftwareEnvironment
    ) async throws -> EnvironmentAvailability {
        try await ask(.checkEnvironment(software)) { answer in
            guard case .environmentState(let state) = answer else { return nil }
            return state
        }
    }

    /// The environments that the worker has built, or the one that was removed.
    package func environments(_ request: EnvironmentRequest) async throws -> [EnvironmentView] {
        try await ask(.environments(request)) { answer in
            guard case .environmentList(let list) = answer else { return nil }
            return list
        }
    }

    /// Hands a task's secrets over; the agent keeps them in memory alone.
    package func hand(_ secrets: [Secret], to token: StartToken) async throws {
        try await ask(.secrets(token, secrets)) { answer -> Void? in
            guard case .secretsKept = answer else { return nil }
            return ()
        }
    }

    /// What lies at a path of the worker.
    ///
    /// - Throws: ``ShuntError`` where nothing does, or the account cannot read it.
    package func examineData(at path: String) async throws -> DataFingerprint {
        try await ask(.examineData(path: path)) { answer in
            guard case .dataFingerprint(let fingerprint) = answer else { return nil }
            return fingerprint
        }
    }

    /// Asks one question.
    private func ask<Answer: Sendable>(
        _ request: BulkMessage, _ take: (BulkMessage) -> Answer?
    ) async throws -> Answer {
        begin()
        try await connection.send(request)
        guard let message = try await connection.receive() else { throw WireError.truncated }
        if case .failure(let error) = message {
            end()
            throw error
        }
        guard let answer = take(message) else {
            throw TransferFault.unexpected(message.kindName)
        }
        end()
        return answer
    }

    private func begin() {
        precondition(
            isIdle.exchange(false, ordering: .acquiringAndReleasing),
            "a request on a stream that is in use or has failed")
    }

    private func end() { isIdle.store(true, ordering: .releasing) }

    // MARK: Content

    /// Sends what the worker lacks of a tree; it is durable there when this returns.
    ///
    /// - Throws: ``ShuntError`` of either side: a file that has changed, a full disk; what the
    ///   stream throws where it broke, and another push goes on from there.
    @discardableResult
    package func push(
        _ tree: TreeReference, from source: ObjectSource, on executor: BlockingExecutor,
        options: TransferOptions = TransferOptions()
    ) async throws -> TransferReport {
        try await counted { [connection] in
            try await connection.send(.push)
            let sender = ContentSender(
                connection: connection, source: source, executor: executor, options: options)
            let outcome = try await sender.send(tree)
            return TransferReport(
                objectsSent: outcome.objectsSent, wasComplete: outcome.wasComplete)
        }
    }

    /// Fetches what is lacking here of a tree; it is durable here when this returns.
    @discardableResult
    package func pull(
        _ tree: TreeReference, into inventory: TreeInventory, on executor: BlockingExecutor,
        options: TransferOptions = TransferOptions()
    ) async throws -> TransferReport {
        try await counted { [connection] in
            try await connection.send(.pull(.tree(tree), compressed: options.compresses))
            let receiver = TreeReceiver(
                connection: connection, inventory: inventory, executor: executor,
                onProgress: options.onProgress)
            let outcome = try await receiver.receive(tree)
            return TransferReport(
                objectsSent: outcome.objectsReceived, wasComplete: outcome.wasComplete)
        }
    }

    /// Fetches these objects, such as some files of a tree, as far as they are not here; they are
    /// durable here when this returns.
    @discardableResult
    package func pull(
        _ objects: [TreeObjects.File], into store: ObjectStore, on executor: BlockingExecutor,
        options: TransferOptions = TransferOptions()
    ) async throws -> TransferReport {
        let missing = try await executor.run {
            var seen: Set<Digest> = []
            return try objects.filter {
                try seen.insert($0.digest).inserted && !store.contains($0.digest)
            }
        }
        return try await counted { [connection] in
            for start in stride(from: 0, to: missing.count, by: WireLimits.digestsPerBody) {
                let part = Array(
                    missing[start..<min(start + WireLimits.digestsPerBody, missing.count)])
                try await connection.send(
                    .pull(.listed(part.map(\.digest)), compressed: options.compresses))
                try await ContentIntake(
                    part, into: store, on: executor, partials: PartialObjects(),
                    onProgress: options.onProgress
                ).receive(from: connection)
            }
            try await executor.run { try store.flush() }
            return TransferReport(objectsSent: missing.count, wasComplete: missing.isEmpty)
        }
    }

    /// The files that the worker lacks of a tree, each content once. Sends names only, and an
    /// unchanged tree costs a few KiB.
    ///
    /// - Parameter store: holds the tree's directories and metadata.
    package func missingFiles(
        of tree: TreeReference, in store: ObjectStore, on executor: BlockingExecutor
    ) async throws -> [TreeObjects.File] {
        begin()
        let negotiation = TreeNegotiation(tree, in: store)
        do {
            let guess = try await executor.run { try negotiation.firstGuess() }
            try await connection.ask([tree] + guess, negotiation)
            while true {
                let question = try await executor.run { try negotiation.nextQuestion() }
                if question.isEmpty { break }
                try await connection.ask(question, negotiation)
            }
            let files = try await executor.run { try negotiation.files() }
            let missing = try await missing(of: files)
            end()
            return missing
        } catch let ended as TransferEnded {
            // A failure is an answer like any other here.
            end()
            throw ended.cause
        }
    }

    /// The bytes of ``missingFiles(of:in:on:)``.
    package func missingBytes(
        of tree: TreeReference, in store: ObjectStore, on executor: BlockingExecutor
    ) async throws -> ByteCount {
        try await missingFiles(of: tree, in: store, on: executor).totalSize
    }

    private func missing(of files: [TreeObjects.File]) async throws -> [TreeObjects.File] {
        var missing: [TreeObjects.File] = []
        for start in stride(from: 0, to: files.count, by: WireLimits.digestsPerBody) {
            let part = files[start..<min(start + WireLimits.digestsPerBody, files.count)]
            try await connection.send(.queryFiles(part.map(\.digest)))
            let bitmap = try await connection.expectBitmap()
            guard bitmap.count == part.count else { throw TransferFault.bitmapLength }
            for (index, file) in part.enumerated() where bitmap[index] { missing.append(file) }
        }
        return missing
    }

    /// Runs a transfer and adds what it cost on the wire.
    private func counted(
        _ body: () async throws -> TransferReport
    ) async throws -> TransferReport {
        begin()
        let (sent, received) = (connection.bytesSent, connection.bytesReceived)
        var report: TransferReport
        do {
            report = try await body()
        } catch {
            await connection.report(error)
            throw TransferEnded.cause(of: error)
        }
        report.bytesSent = connection.bytesSent - sent
        report.bytesReceived = connection.bytesReceived - received
        end()
        return report
    }
}
