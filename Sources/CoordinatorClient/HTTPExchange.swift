internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// One request and its answer over a connection of its own to a Unix socket: HTTP/1.1, RFC 9112.
///
/// A local connection takes some 0.1 ms, and one that is never used twice cannot be found broken
/// when the next request is already on its way.
enum HTTPExchange {
    /// - Parameter limit: the longest to wait for the whole answer.
    /// - Throws: `IOError` where nobody listens, ``ExchangeFailure`` and the parser's errors where
    ///   the connection ended or said something else, `CancellationError`.
    static func perform(
        _ head: HTTPRequestHead, body: [UInt8], over socketPath: String, within limit: TimeAmount
    ) async throws -> NIOHTTPClientResponseFull {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: NIOHTTPClientResponseFull.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandlers([
                            NIOHTTPClientResponseAggregator(
                                maxContentLength: ClientLimits.answerBytes),
                            AnswerHandler(answer),
                        ])
                    }
                }
                .connect(unixDomainSocketPath: socketPath).get()
        } catch {
            answer.fail(error)
            throw error
        }
        let deadline = loop.scheduleTask(in: limit) { answer.fail(ExchangeFailure.deadline) }
        defer {
            deadline.cancel()
            channel.close(promise: nil)
        }
        return try await withTaskCancellationHandler {
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.write(
                HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }
}

/// Why a connection that was made brought no answer.
enum ExchangeFailure: Error {
    case closed
    case deadline
}

/// Gives the first answer, or what came in its place, to whoever waits for it.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = NIOHTTPClientResponseFull

    private let answer: EventLoopPromise<NIOHTTPClientResponseFull>

    init(_ answer: EventLoopPromise<NIOHTTPClientResponseFull>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        answer.succeed(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ExchangeFailure.closed)
    }
}
