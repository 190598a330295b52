internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Wire

/// Takes the objects that were asked for into a store, where they wait for a flush. An object gets
/// there only whole and with the digest that it was asked for by; anything else ends the transfer.
///
/// Frames come from one caller, one after the other. Packed objects are written on up to
/// ``TransferLimits/framesInHand`` threads at once; the parts of a large one follow each other.
final class ContentIntake: Sendable {
    private let store: ObjectStore
    private let executor: BlockingExecutor
    private let partials: PartialObjects
    private let progress: ProgressCounter
    private let state: Mutex<State>

    private struct State {
        /// What has not come yet, with the size that it must have.
        var awaited: [Digest: Int64]
        /// Objects of which some parts came in an earlier transfer.
        var begun: [Digest: ObjectWriter]
        /// The object whose parts are coming.
        var partial: ObjectWriter?
    }

    /// - Parameter partials: where to go on with what came in parts, and where to leave it.
    init(
        _ objects: [TreeObjects.File], into store: ObjectStore, on executor: BlockingExecutor,
        partials: PartialObjects, onProgress: @escaping @Sendable (TransferProgress) -> Void
    ) {
        self.store = store
        self.executor = executor
        self.partials = partials
        progress = ProgressCounter(of: objects, onProgress)
        state = Mutex(
            State(
                awaited: Dictionary(objects.map { ($0.digest, $0.size) }) { first, _ in first },
                begun: [:]))
    }

    /// Takes up what came in parts in earlier transfers of these objects.
    ///
    /// - Returns: from where the sender is to go on.
    func resume(_ objects: [TreeObjects.File]) -> [PartialObject] {
        let writers = objects.filter { $0.size > TransferLimits.packedObject }
            .compactMap { partials.take($0) }
        state.withLock { state in
            for writer in writers { state.begun[writer.digest] = writer }
        }
        let offsets = writers.map { PartialObject(digest: $0.digest, offset: $0.received) }
        for offset in offsets { progress.add(bytes: Int(offset.offset), files: 0) }
        return offsets
    }

    /// Takes frames until the end of the objects. Where the stream breaks before that, what came
    /// whole is made durable, so that it need not come again.
    ///
    /// - Throws: ``ShuntError`` where something came that was not asked for, is not what it claims
    ///   to be, or does not fit on the disk; what the stream throws.
    func receive(from connection: BulkConnection) async throws {
        do {
            try await receiveFrames(from: connection)
        } catch let error as StreamError {
            try await keepWhatCame()
            throw error
        } catch WireError.truncated {
            try await keepWhatCame()
            throw WireError.truncated
        }
    }

    private func keepWhatCame() async throws {
        let writers = state.withLock { state in
            defer {
                state.begun = [:]
                state.partial = nil
            }
            return Array(state.begun.values) + (state.partial.map { [$0] } ?? [])
        }
        for writer in writers { partials.keep(writer) }
        try await executor.run { [store] in try store.flush() }
    }

    private func receiveFrames(from connection: BulkConnection) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var inHand = 0
            while true {
                let message: BulkMessage
                do {
                    message = try await connection.expect()
                } catch {
                    // What is in hand came whole; let it be kept.
                    try await group.waitForAll()
                    throw error
                }
                switch message {
                case .objects(let batch):
                    try expect(batch)
                    if inHand == TransferLimits.framesInHand {
                        try await group.next()
                        inHand -= 1
                    }
                    group.addTask { try await self.store(batch) }
                    inHand += 1
                case .part(let part):
                    let writer = try self.writer(for: part)
                    try await store(part, writer)
                case .end:
                    try await group.waitForAll()
                    return try checkThatAllCame()
                case .failure, .readLog, .tailLog, .checkEnvironment, .environments, .queryFiles,
                    .queryTrees, .push, .pull, .logPage, .logOffset, .environmentState,
                    .environmentList, .examineData, .dataFingerprint, .secrets, .secretsKept,
                    .bitmap, .offer, .complete,
                    .wanted:
                    throw TransferFault.unexpected(message.kindName)
                }
            }
        }
    }

    private func expect(_ batch: ObjectBatch) throws {
        try state.withLock { state in
            guard state.partial == nil else { throw TransferFault.outOfOrder }
            for item in batch.items {
                guard state.awaited.removeValue(forKey: item.digest) == Int64(item.size) else {
                    throw TransferFault.unasked
                }
            }
        }
    }

    private func store(_ batch: ObjectBatch) async throws {
        try await executor.run { [store] in
            let bytes = try BodyCodec.decode(batch.body, size: batch.size)
            try bytes.withUnsafeBytes { buffer in
                var offset = 0
                for item in batch.items {
                    let writer = try store.writer(for: item.digest, size: Int64(item.size))
                    try writer.append(
                        UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + item.size]))
                    try writer.commit()
                    offset += item.size
                }
            }
        }
        progress.add(bytes: batch.size, files: batch.items.count)
    }

    /// The writer of the object that the part belongs to.
    private func writer(for part: ObjectPart) throws -> ObjectWriter {
        try state.withLock { state in
            if let writer = state.partial {
                guard writer.digest == part.digest, writer.size == part.objectSize,
                    writer.received == part.offset
                else { throw TransferFault.outOfOrder }
                return writer
            }
            guard state.awaited.removeValue(forKey: part.digest) == part.objectSize else {
                throw TransferFault.unasked
            }
            let writer =
                try state.begun.removeValue(forKey: part.digest)
                ?? store.writer(for: part.digest, size: part.objectSize)
            guard writer.received == part.offset else { throw TransferFault.outOfOrder }
            state.partial = writer
            return writer
        }
    }

    private func store(_ part: ObjectPart, _ writer: ObjectWriter) async throws {
        let isLast = part.offset + Int64(part.size) == part.objectSize
        try await executor.run {
            try writer.append(BodyCodec.decode(part.body, size: part.size))
            if isLast { try writer.commit() }
        }
        if isLast { state.withLock { $0.partial = nil } }
        progress.add(bytes: part.size, files: isLast ? 1 : 0)
    }

    private func checkThatAllCame() throws {
        let isAll = state.withLock { $0.awaited.isEmpty && $0.partial == nil }
        guard isAll else { throw TransferFault.incomplete }
    }
}
