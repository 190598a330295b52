internal import ByteStream
internal import Synchronization

/// What a stream's tasks and its connection's thread share.
final class ChannelState: Sendable {
    let command: String
    /// As the person calls the machine.
    let name: String
    /// ``SSHTarget/byHand``.
    let byHand: String
    /// The opening is given up then.
    let deadline: ContinuousClock.Instant
    let inbound = BoundedByteQueue()
    let outbound = BoundedByteQueue()
    let diagnostics = ByteTail(limit: SSHLimits.diagnostics)
    /// Whether the command was started.
    let opening = Promise<Result<Void, SSHError>>()
    /// How the command ended; `nil` within if that can no more be learnt.
    let exit = Promise<RemoteExit?>()
    /// Nothing of it is left in the connection.
    let end = Gate()
    private let closing = Atomic(false)

    init(
        _ command: String, name: String, byHand: String, deadline: ContinuousClock.Instant
    ) {
        self.byHand = byHand
        self.command = command
        self.name = name
        self.deadline = deadline
    }

    /// The stream's user is done with it.
    var isClosing: Bool { closing.load(ordering: .acquiring) }

    func requestClose() {
        closing.store(true, ordering: .releasing)
        inbound.abandon()
        outbound.finish()
    }

    /// The connection has gone, or never stood.
    func fail(_ reason: SSHError, _ error: StreamError) {
        opening.fulfil(.failure(reason))
        inbound.fail(error)
        outbound.refuse(error)
        exit.fulfil(nil)
        end.open()
    }
}
