internal import JobModel

/// What waits to be sent on one control stream. Bounded: a coordinator that does not read is cut
/// off, and hears everything again when it comes back.
struct ConnectionOutbox {
    private static let limit = 65_536

    let messages: AsyncStream<AgentMessage>
    private let continuation: AsyncStream<AgentMessage>.Continuation

    init() {
        (messages, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(Self.limit))
    }

    func send(_ message: AgentMessage) {
        if case .dropped = continuation.yield(message) { continuation.finish() }
    }

    func finish() { continuation.finish() }
}

/// The core's answer to a `Hello`.
enum HelloAnswer: Sendable {
    case welcome(Welcome)
    case stale(Fence)
}
