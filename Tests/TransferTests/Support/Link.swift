import ByteStream
import ContentStore
import JobModel
import Synchronization
import Transfer
import Wire

/// Threads for all tests of this target.
let blocking: BlockingExecutor = {
    do {
        return try BlockingExecutor(threads: 4)
    } catch {
        preconditionFailure("no threads: \(error)")
    }
}()

/// Only a hang takes this long, even on a machine that is busy with other things.
let longEnough = Duration.seconds(240)

/// What kind of stream joins the two ends.
enum LinkKind: Sendable, CaseIterable {
    case memory
    case socket

    func streams() throws -> (any ByteStream, any ByteStream) {
        switch self {
        case .memory:
            let (near, far) = MemoryStream.pair()
            return (near, far)
        case .socket:
            return try UnixSocket.withPair { one, other in
                (try DescriptorStream(one), try DescriptorStream(other))
            }
        }
    }
}

/// A worker's end: its store, and how it answers.
struct Worker: Sendable {
    let inventory: TreeInventory
    var handler: any BulkRequestHandler = FixedAnswers()

    init(_ store: ObjectStore) { inventory = TreeInventory(store: store) }

    var store: ObjectStore { inventory.store }
    var server: BulkServer {
        BulkServer(inventory: inventory, executor: blocking, handler: handler)
    }

    /// Serves a stream, runs `body` on the other end of it, and waits for both.
    ///
    /// - Returns: what `body` returned, and why the server ended, if not orderly.
    @discardableResult
    func serving<Value: Sendable>(
        _ near: any ByteStream, _ far: any ByteStream,
        _ body: @Sendable (BulkConnection) async throws -> Value
    ) async throws -> (value: Value, serverError: (any Error)?) {
        let (client, agent) = try await connect(near, far)
        let served = Task { [server] () -> (any Error)? in
            do {
                try await server.serve(agent)
                return nil
            } catch {
                return error
            }
        }
        do {
            let value = try await body(client)
            await client.close()
            return (value, await served.value)
        } catch {
            await client.close()
            _ = await served.value
            throw error
        }
    }

    /// As ``serving(_:_:_:)``, over a new stream and with a client.
    @discardableResult
    func over<Value: Sendable>(
        _ kind: LinkKind, _ body: @Sendable (BulkClient) async throws -> Value
    ) async throws -> Value {
        let (near, far) = try kind.streams()
        return try await serving(near, far) { try await body(BulkClient($0)) }.value
    }
}

func connect(
    _ near: any ByteStream, _ far: any ByteStream
) async throws -> (client: BulkConnection, agent: BulkConnection) {
    let hello = Hello(
        coordinator: CoordinatorID(high: 1, low: 2), fence: Fence(epoch: 1, session: 1),
        role: .bulk, release: "test")
    let accepted = Accepted(agent: AgentID(high: 3, low: 4), release: "test")
    async let agent = Handshake.receiveHello(over: far, within: longEnough)
        .accept(accepted, within: longEnough)
    let (client, _) = try await Handshake.openBulk(over: near, hello, within: longEnough)
    return (client, try await agent)
}

/// Answers by rule, so that a test can tell.
struct FixedAnswers: BulkRequestHandler {
    func readLog(_ request: ReadLog) async throws -> LogPage {
        guard request.offset < 1000 else {
            throw ShuntError(.notFound, "nothing at \(request.offset)")
        }
        let bytes = [UInt8](repeating: 9, count: min(request.maximumBytes, 500))
        return LogPage(
            bytes: bytes, nextOffset: request.offset + UInt64(bytes.count), isComplete: false)
    }

    func tailLog(
        _ token: StartToken, lines: UInt32, streams: Set<LogStream>
    ) async throws -> LogOffset {
        LogOffset(offset: UInt64(lines) * 10, skip: UInt32(streams.count))
    }

    func availability(of software: SoftwareEnvironment) async throws -> EnvironmentAvailability {
        software == .existing("known") ? .cached : .toBuild
    }

    func environments(_ request: EnvironmentRequest) async throws -> [EnvironmentView] { [] }

    func keep(_ secrets: [Secret], for token: StartToken) async throws {
        guard secrets.map(\.name) == ["KNOWN"] else { throw ShuntError(.refused, "not wanted") }
    }

    func examineData(at path: String) async throws -> DataFingerprint {
        throw ShuntError(.notFound, "nothing at \(path)")
    }
}

/// A stream that breaks once it has carried so many bytes in both directions together.
final class FragileStream: ByteStream {
    private let inner: any ByteStream
    private let left: Mutex<Int>

    init(_ inner: any ByteStream, breakingAfter count: Int) {
        self.inner = inner
        left = Mutex(count)
    }

    func read(atMost limit: Int) async throws -> [UInt8] {
        let bytes = try await inner.read(atMost: min(limit, 10_000))
        try await carry(bytes.count)
        return bytes
    }

    func write(_ bytes: [UInt8]) async throws {
        let room = left.withLock { left in
            defer { left -= bytes.count }
            return left
        }
        // What still fits goes through: a frame is cut in the middle.
        try await inner.write(Array(bytes.prefix(max(0, room))))
        if room < bytes.count { try await snap() }
    }

    func close() async { await inner.close() }

    private func carry(_ count: Int) async throws {
        let isOver = left.withLock { left in
            left -= count
            return left < 0
        }
        if isOver { try await snap() }
    }

    private func snap() async throws {
        await inner.close()
        throw StreamError(operation: "carry", errno: 104)
    }
}
