/// Either end of a bulk stream, after the handshake. One task sends and one receives at a time.
package final class BulkConnection: Sendable {
    private let frames: FrameConnection

    init(_ frames: FrameConnection) { self.frames = frames }

    /// Returns when the stream has taken the message, which bounds what is on its way.
    package nonisolated(nonsending) func send(_ message: BulkMessage) async throws {
        try await frames.send(message.frame())
    }

    /// - Returns: `nil` at an orderly end of the stream.
    /// - Throws: ``WireError``; see there after which of them the next message can be received.
    package nonisolated(nonsending) func receive() async throws -> BulkMessage? {
        guard let frame = try await frames.receive() else { return nil }
        return try BulkMessage(frame)
    }

    /// Bytes handed to the stream, framing and handshake included.
    package var bytesSent: Int64 { frames.bytesSent }
    /// Bytes taken from the stream, framing and handshake included.
    package var bytesReceived: Int64 { frames.bytesReceived }

    /// Closes the stream underneath. Sending and receiving then fail.
    package func close() async { await frames.close() }
}
