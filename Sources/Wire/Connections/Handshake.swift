package import ByteStream
package import JobModel

/// The first words on a stream. Whatever goes wrong, the side that notices closes the stream; only
/// after success does it pass to the connection that is returned.
package enum Handshake {
    /// Opens a control stream as a coordinator.
    ///
    /// - Parameter limit: for the whole handshake.
    /// - Throws: ``Rejection``, ``WireError``, ``DeadlineExceeded``, `StreamError`.
    package static func openControl(
        over stream: any ByteStream, _ hello: Hello, within limit: Duration
    ) async throws -> (ControlConnection, Welcome) {
        precondition(hello.role == .control, "a control stream is greeted as one")
        let frames = FrameConnection(stream)
        let welcome = try await closing(frames, within: limit) {
            guard case .welcome(let proto) = try await greet(frames, hello) else {
                throw WireError.unexpected("accepted")
            }
            let reports = try await receiveReports(frames, count: Int(proto.reportCount))
            return try Welcome(proto, reports: reports)
        }
        return (ControlConnection(frames), welcome)
    }

    /// Opens a bulk stream as a coordinator.
    ///
    /// - Parameter limit: for the whole handshake.
    /// - Throws: ``Rejection``, ``WireError``, ``DeadlineExceeded``, `StreamError`.
    package static func openBulk(
        over stream: any ByteStream, _ hello: Hello, within limit: Duration
    ) async throws -> (BulkConnection, Accepted) {
        precondition(hello.role == .bulk, "a bulk stream is greeted as one")
        let frames = FrameConnection(stream)
        let accepted = try await closing(frames, within: limit) {
            guard case .accepted(let proto) = try await greet(frames, hello) else {
                throw WireError.unexpected("welcome")
            }
            return try Accepted(proto)
        }
        return (BulkConnection(frames), accepted)
    }

    /// Hears, as an agent, who has connected. A coordinator of another version is told so here,
    /// and the rejection is thrown as well.
    ///
    /// - Throws: ``Rejection``, ``WireError``, ``DeadlineExceeded``, `StreamError`.
    package static func receiveHello(
        over stream: any ByteStream, within limit: Duration
    ) async throws -> IncomingConnection {
        let frames = FrameConnection(stream)
        let hello = try await closing(frames, within: limit) {
            try await frames.exchangePreambles()
            guard let frame = try await frames.receive() else { throw WireError.truncated }
            let proto = try decodedMessage(ProtoHello.self, from: frame.header)
            guard proto.protocolVersion == WireLimits.protocolVersion else {
                let rejection = Rejection.protocolMismatch(
                    coordinator: proto.protocolVersion, agent: WireLimits.protocolVersion)
                try await answer(frames, .rejection(rejection.proto))
                throw rejection
            }
            return try Hello(proto)
        }
        return IncomingConnection(frames: frames, hello: hello)
    }

    static func answer(
        _ frames: FrameConnection, _ kind: ProtoHelloAnswer.OneOf_Kind
    ) async throws {
        var proto = ProtoHelloAnswer()
        proto.kind = kind
        try await frames.send(Frame(header: encodedBytes(of: proto)))
    }

    /// Runs a part of a handshake; the stream is closed if it fails.
    static func closing<Result: Sendable>(
        _ frames: FrameConnection, within limit: Duration,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await withDeadline(limit, body)
        } catch {
            await frames.close()
            throw error
        }
    }

    private static func greet(
        _ frames: FrameConnection, _ hello: Hello
    ) async throws -> ProtoHelloAnswer.OneOf_Kind {
        try await frames.exchangePreambles()
        try await frames.send(Frame(header: encodedBytes(of: hello.proto)))
        guard let frame = try await frames.receive() else { throw WireError.truncated }
        let proto = try decodedMessage(ProtoHelloAnswer.self, from: frame.header)
        let kind = try Field.required(proto.kind, "hello_answer.kind")
        if case .rejection(let rejection) = kind { throw try Rejection(rejection) }
        return kind
    }

    private static func receiveReports(
        _ frames: FrameConnection, count: Int
    ) async throws -> [TaskReport] {
        guard count <= WireLimits.reports else {
            throw WireError.oversized(
                part: "list of reports", length: count, limit: WireLimits.reports)
        }
        let start = frames.bytesReceived
        var reports: [TaskReport] = []
        while reports.count < count {
            guard let message = try await frames.receive(AgentMessage.self) else {
                throw WireError.truncated
            }
            guard case .report(let report) = message else {
                throw WireError.unexpected("message among the reports of a welcome")
            }
            reports.append(report)
            let bytes = Int(frames.bytesReceived - start)
            guard bytes <= WireLimits.reportBytes else {
                throw WireError.oversized(
                    part: "list of reports", length: bytes, limit: WireLimits.reportBytes)
            }
        }
        return reports
    }
}

/// A connection whose `Hello` an agent has heard and not yet answered. Exactly one of the methods
/// is called, once.
package struct IncomingConnection: Sendable {
    private let frames: FrameConnection
    package let hello: Hello

    init(frames: FrameConnection, hello: Hello) {
        self.frames = frames
        self.hello = hello
    }

    /// Answers a control `Hello`, once its fence is durable.
    ///
    /// - Parameter welcome: with at most ``WireLimits/reports`` reports.
    package func welcome(
        _ welcome: Welcome, within limit: Duration
    ) async throws -> AgentControlConnection {
        precondition(hello.role == .control, "a bulk stream is accepted, not welcomed")
        let frames = frames
        try await Handshake.closing(frames, within: limit) {
            guard welcome.reports.count <= WireLimits.reports else {
                throw WireError.oversized(
                    part: "list of reports", length: welcome.reports.count,
                    limit: WireLimits.reports)
            }
            try await Handshake.answer(frames, .welcome(welcome.proto))
            for report in welcome.reports {
                try await frames.send(AgentMessage.report(report))
            }
        }
        return AgentControlConnection(frames)
    }

    /// Answers a bulk `Hello`.
    package func accept(
        _ accepted: Accepted, within limit: Duration
    ) async throws -> BulkConnection {
        precondition(hello.role == .bulk, "a control stream is welcomed, not accepted")
        let frames = frames
        try await Handshake.closing(frames, within: limit) {
            try await Handshake.answer(frames, .accepted(accepted.proto))
        }
        return BulkConnection(frames)
    }

    /// Says why not and closes the stream.
    package func reject(_ rejection: Rejection, within limit: Duration) async throws {
        let frames = frames
        try await Handshake.closing(frames, within: limit) {
            try await Handshake.answer(frames, .rejection(rejection.proto))
        }
        await frames.close()
    }
}
