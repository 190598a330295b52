internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Wire

/// The sending end of a transfer: of a tree, after it was found out what the receiver lacks, or of
/// a list of objects.
struct ContentSender: Sendable {
    let connection: BulkConnection
    let source: ObjectSource
    let executor: BlockingExecutor
    let options: TransferOptions

    struct Outcome: Sendable {
        var objectsSent = 0
        var wasComplete = false
    }

    /// Offers a tree and sends what is missing of it.
    ///
    /// - Throws: ``ShuntError`` of either side; what the stream throws.
    func send(_ tree: TreeReference) async throws -> Outcome {
        let negotiation = TreeNegotiation(tree, in: source.store)
        guard try await offer(negotiation) else { return Outcome(wasComplete: true) }
        try await askAboutTheRest(negotiation)

        let structure = try await executor.run { try negotiation.structure() }
        let structureMaker = FrameMaker(
            structure, from: source, compresses: options.compresses)
        let answer = try await stream(structureMaker, ProgressCounter(of: structure) { _ in })
        guard case .wanted(let bitmap, let partials) = answer else {
            throw TransferFault.unexpected(answer.kindName)
        }

        let wanted = try await executor.run {
            let files = try negotiation.files()
            guard bitmap.count == files.count else { throw TransferFault.bitmapLength }
            return files.indices.filter { bitmap[$0] }.map { files[$0] }
        }
        let last = try await stream(
            FrameMaker(
                wanted, partials: try Self.check(partials, wanted), from: source,
                compresses: options.compresses),
            Self.progress(of: wanted, partials, options))
        guard case .complete = last else { throw TransferFault.unexpected(last.kindName) }
        return Outcome(objectsSent: structure.count + wanted.count)
    }

    /// Sends objects that were asked for by name; nothing is heard in return.
    func sendListed(_ objects: [TreeObjects.File]) async throws {
        let maker = FrameMaker(objects, from: source, compresses: options.compresses)
        try await Self.pump(maker, on: executor, into: connection) { _ in }
        try await connection.send(.end)
    }

    /// - Returns: whether anything is missing.
    private func offer(_ negotiation: TreeNegotiation) async throws -> Bool {
        let guess = try await executor.run { try negotiation.firstGuess() }
        try await connection.send(.offer(negotiation.root, guess: guess))
        switch try await connection.expect() {
        case .complete:
            return false
        case .bitmap(let bitmap):
            let answers = try TreeAnswer.decode(bitmap, count: 1 + guess.count)
            negotiation.learn(answers, about: [negotiation.root] + guess)
            return true
        case let other:
            throw TransferFault.unexpected(other.kindName)
        }
    }

    private func askAboutTheRest(_ negotiation: TreeNegotiation) async throws {
        while true {
            let question = try await executor.run { try negotiation.nextQuestion() }
            if question.isEmpty { return }
            try await connection.ask(question, negotiation)
        }
    }

    /// - Throws: ``ShuntError`` for what cannot be a part of a file that is wanted.
    private static func check(
        _ partials: [PartialObject], _ wanted: [TreeObjects.File]
    ) throws -> [PartialObject] {
        if partials.isEmpty { return [] }
        let sizes = Dictionary(wanted.map { ($0.digest, $0.size) }) { first, _ in first }
        for partial in partials {
            guard let size = sizes[partial.digest], partial.offset < size,
                size > TransferLimits.packedObject
            else { throw TransferFault.outOfOrder }
        }
        return partials
    }

    private static func progress(
        of wanted: [TreeObjects.File], _ partials: [PartialObject], _ options: TransferOptions
    ) -> ProgressCounter {
        let progress = ProgressCounter(of: wanted, options.onProgress)
        for partial in partials { progress.add(bytes: Int(partial.offset), files: 0) }
        return progress
    }

    /// Streams objects and the end of them while listening.
    ///
    /// - Returns: the receiver's answer.
    private func stream(
        _ maker: FrameMaker, _ progress: ProgressCounter
    ) async throws -> BulkMessage {
        try await connection.exchange { [connection, executor] in
            do {
                try await Self.pump(maker, on: executor, into: connection) { made in
                    progress.add(bytes: made.bytes, files: made.objects)
                }
                try await connection.send(.end)
            } catch let error as ShuntError {
                // A file of ours: the receiver is told, since it waits for the rest.
                await connection.report(error)
                throw TransferEnded(cause: error)
            }
        }
    }

    /// Reads the next frame while the stream takes the one before it.
    private static func pump(
        _ maker: FrameMaker, on executor: BlockingExecutor, into connection: BulkConnection,
        onSent: @Sendable (FrameMaker.Made) -> Void
    ) async throws {
        var made = try await executor.run { try maker.next() }
        while let current = made {
            async let following = executor.run { try maker.next() }
            try await connection.send(current.message)
            onSent(current)
            made = try await following
        }
    }
}

extension BulkConnection {
    /// Asks about trees, in as many messages as they need.
    func ask(_ question: [TreeReference], _ negotiation: TreeNegotiation) async throws {
        for start in stride(from: 0, to: question.count, by: WireLimits.treesPerBody) {
            let part = question[start..<min(start + WireLimits.treesPerBody, question.count)]
            try await send(.queryTrees(Array(part)))
            let answers = try TreeAnswer.decode(try await expectBitmap(), count: part.count)
            negotiation.learn(answers, about: part)
        }
    }
}

/// Adds up what several tasks have done.
final class ProgressCounter: Sendable {
    private let state: Mutex<TransferProgress>
    private let onProgress: @Sendable (TransferProgress) -> Void

    init(
        of objects: some Collection<TreeObjects.File>,
        _ onProgress: @escaping @Sendable (TransferProgress) -> Void
    ) {
        let total = objects.reduce(Int64(0)) { sum, object in
            let (next, overflow) = sum.addingReportingOverflow(object.size)
            return overflow ? .max : next
        }
        state = Mutex(
            TransferProgress(bytes: 0, totalBytes: total, files: 0, totalFiles: objects.count))
        self.onProgress = onProgress
    }

    func add(bytes: Int, files: Int) {
        let now = state.withLock { state in
            state.bytes += Int64(bytes)
            state.files += files
            return state
        }
        onProgress(now)
    }
}
