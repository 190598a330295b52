package import JobModel

/// The coordinator's end of a control stream, after the handshake. One task sends and one receives
/// at a time.
package final class ControlConnection: Sendable {
    private let frames: FrameConnection

    init(_ frames: FrameConnection) { self.frames = frames }

    package nonisolated(nonsending) func send(_ message: CoordinatorMessage) async throws {
        try await frames.send(message)
    }

    /// - Returns: `nil` at an orderly end of the stream.
    /// - Throws: ``WireError``; see there after which of them the next message can be received.
    package nonisolated(nonsending) func receive() async throws -> AgentMessage? {
        try await frames.receive(AgentMessage.self)
    }

    /// Closes the stream underneath. Sending and receiving then fail.
    package func close() async { await frames.close() }
}

/// The agent's end of a control stream, after the handshake. One task sends and one receives at a
/// time.
package final class AgentControlConnection: Sendable {
    private let frames: FrameConnection

    init(_ frames: FrameConnection) { self.frames = frames }

    package nonisolated(nonsending) func send(_ message: AgentMessage) async throws {
        try await frames.send(message)
    }

    /// - Returns: `nil` at an orderly end of the stream.
    /// - Throws: ``WireError``; see there after which of them the next message can be received.
    package nonisolated(nonsending) func receive() async throws -> CoordinatorMessage? {
        try await frames.receive(CoordinatorMessage.self)
    }

    /// Closes the stream underneath. Sending and receiving then fail.
    package func close() async { await frames.close() }
}
