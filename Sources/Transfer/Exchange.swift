internal import JobModel
internal import Wire

/// An end of which both sides know: the peer said so, or was told. Never leaves this target;
/// whoever made the request gets the cause.
struct TransferEnded: Error {
    var cause: any Error

    /// The error that a caller of this target gets.
    static func cause(of error: any Error) -> any Error {
        (error as? TransferEnded)?.cause ?? error
    }
}

/// Talking with a peer that may end the transfer at any point.
extension BulkConnection {
    /// The next message.
    ///
    /// - Throws: ``TransferEnded`` with the peer's ``ShuntError`` if it ended the transfer,
    ///   ``WireError/truncated`` if it ended the stream.
    func expect() async throws -> BulkMessage {
        guard let message = try await receive() else { throw WireError.truncated }
        if case .failure(let error) = message { throw TransferEnded(cause: error) }
        return message
    }

    func expectBitmap() async throws -> MissingBitmap {
        let message = try await expect()
        guard case .bitmap(let bitmap) = message else {
            throw TransferFault.unexpected(message.kindName)
        }
        return bitmap
    }

    /// Sends what takes long while listening for the peer, and returns the peer's next message. If
    /// one side gives up meanwhile, its reason is what is thrown, not the broken stream that
    /// follows.
    func exchange(_ send: @escaping @Sendable () async throws -> Void) async throws -> BulkMessage {
        try await withThrowingTaskGroup(of: ExchangeEvent.self) { group in
            group.addTask {
                do {
                    try await send()
                    return .sent
                } catch {
                    return .notSent(error)
                }
            }
            group.addTask {
                do {
                    return .received(try await self.expect())
                } catch {
                    return .notReceived(error)
                }
            }
            var outcome = ExchangeOutcome()
            while let event = try await group.next() {
                // What one half has to say about the end, the other need not wait for.
                if try outcome.isEnd(event) { group.cancelAll() }
            }
            return try outcome.message()
        }
    }

    /// Tells the peer why the transfer ends, unless it knows or does not listen any more.
    func report(_ error: any Error) async {
        guard let error = Self.asShuntError(error) else { return }
        do {
            try await withDeadline(.seconds(5)) { try await self.send(.failure(error)) }
        } catch {
            // The peer is gone or does not listen; it learns from the end of the stream.
        }
    }

    /// - Returns: `nil` for an end of the stream or of our task, which needs no words.
    private static func asShuntError(_ error: any Error) -> ShuntError? {
        switch error {
        case let error as ShuntError: error
        case WireError.truncated: nil
        case let error as WireError:
            ShuntError(
                .failed, "the peer cannot be understood: \(error)",
                hint: "shunt worker ls")
        default: nil
        }
    }
}

private enum ExchangeEvent: Sendable {
    case sent
    case notSent(any Error)
    case received(BulkMessage)
    case notReceived(any Error)
}

/// What the two halves of an exchange came to.
private struct ExchangeOutcome {
    private var answer: BulkMessage?
    private var sendError: (any Error)?
    private var receiveError: (any Error)?

    /// - Returns: whether the half that is still under way should stop.
    /// - Throws: ``TransferEnded`` as soon as one side has said why.
    mutating func isEnd(_ event: ExchangeEvent) throws -> Bool {
        switch event {
        case .sent: return false
        case .received(let message):
            answer = message
            return false
        case .notSent(let error as TransferEnded), .notReceived(let error as TransferEnded):
            throw error
        case .notSent(let error):
            sendError = error
            // The peer's reason may still stand in the stream.
            return Task.isCancelled || answer != nil
        case .notReceived(let error):
            receiveError = error
            return true
        }
    }

    /// The answer, where both halves went well.
    func message() throws -> BulkMessage {
        if let error = sendError, !(error is CancellationError) { throw error }
        if let error = receiveError ?? sendError { throw error }
        guard let answer else { throw WireError.truncated }
        return answer
    }
}

extension BulkMessage {
    /// For errors.
    var kindName: String {
        switch self {
        case .failure: "failure"
        case .readLog: "read log"
        case .tailLog: "tail log"
        case .checkEnvironment: "check environment"
        case .queryFiles, .queryTrees: "query"
        case .push: "push"
        case .pull: "pull"
        case .logPage: "log page"
        case .logOffset: "log offset"
        case .environmentState: "environment state"
        case .environments: "environments request"
        case .environmentList: "environments"
        case .secrets: "secrets"
        case .secretsKept: "secrets kept"
        case .examineData: "data request"
        case .dataFingerprint: "data fingerprint"
        case .bitmap: "bitmap"
        case .offer: "offer"
        case .objects: "objects"
        case .part: "object part"
        case .end: "end"
        case .complete: "complete"
        case .wanted: "wanted"
        }
    }
}
