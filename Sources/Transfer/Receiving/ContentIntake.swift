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
    private let progress: ProgressCounter
    private let state: Mutex<State>

    private struct State {
        /// What has not come yet, with the size that it must have.
        var awaited: [Digest: Int64]
        /// An object of which some parts have come.
        var partial: ObjectWriter?
    }

    init(
        _ objects: [TreeObjects.File], into store: ObjectStore, on executor: BlockingExecutor,
        onProgress: @escaping @Sendable (TransferProgress) -> Void
    ) {
        self.store = store
        self.executor = executor
        progress = ProgressCounter(of: objects, onProgress)
        state = Mutex(
            State(
                awaited: Dictionary(objects.map { ($0.digest, $0.size) }) { first, _ in first }))
    }

    /// Takes frames until the end of the objects.
    ///
    /// - Throws: ``ShuntError`` where something came that was not asked for, is not what it claims
    ///   to be, or does not fit on the disk; what the stream throws.
    func receive(from connection: BulkConnection) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var inHand = 0
            while true {
                switch try await connection.expect() {
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
                case let other:
                    throw TransferFault.unexpected(other.kindName)
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
            guard part.offset == 0 else { throw TransferFault.outOfOrder }
            let writer = try store.writer(for: part.digest, size: part.objectSize)
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
