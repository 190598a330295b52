package import ByteStream
internal import Synchronization

/// Frames over a byte stream, which it owns: whoever has the connection closes it.
///
/// One task sends and one task receives at a time; both may run beside each other, and a second one
/// traps. Holds one frame and one chunk in each direction.
///
/// After an error, or a cancelled wait in the middle of a frame, it is fit only for ``close()``,
/// but for the errors of content that ``WireError`` names.
package final class FrameConnection: Sendable {
    private let stream: any ByteStream
    /// Taken out by whoever receives.
    private let decoder = Mutex<FrameDecoder?>(FrameDecoder())
    private let isSending = Atomic(false)
    private let sent = Atomic<Int64>(0)
    private let received = Atomic<Int64>(0)

    package init(_ stream: any ByteStream) {
        self.stream = stream
    }

    /// Bytes handed to the stream, framing included.
    package var bytesSent: Int64 { sent.load(ordering: .relaxed) }
    /// Bytes taken from the stream, framing included.
    package var bytesReceived: Int64 { received.load(ordering: .relaxed) }

    /// Sends our preamble and skips what stands before the peer's. Comes first, once.
    package nonisolated(nonsending) func exchangePreambles() async throws {
        try await write(Preamble.emptyLines + Preamble.magic)
        var decoder = takeDecoder()
        defer { putBack(decoder) }
        var preamble = Preamble()
        while true {
            let bytes = try await read()
            guard !bytes.isEmpty else {
                throw WireError.noPreamble(skipped: preamble.skipped)
            }
            if let start = try preamble.scan(bytes) {
                decoder.append(bytes, from: start)
                return
            }
        }
    }

    /// Returns when the stream has taken the frame, which bounds what is on its way.
    package nonisolated(nonsending) func send(_ frame: Frame) async throws {
        try await write(frame.encoded())
    }

    /// - Returns: `nil` at an orderly end of the stream.
    /// - Throws: ``WireError``, `StreamError`, `CancellationError`.
    package nonisolated(nonsending) func receive() async throws -> Frame? {
        var decoder = takeDecoder()
        defer { putBack(decoder) }
        while true {
            if let frame = try decoder.next() { return frame }
            let bytes = try await read()
            guard !bytes.isEmpty else {
                guard decoder.isAtBoundary else { throw WireError.truncated }
                return nil
            }
            decoder.append(bytes)
        }
    }

    /// Ends both directions, waking whoever waits. May be called more than once.
    package func close() async {
        await stream.close()
    }

    private nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        let wasSending = isSending.exchange(true, ordering: .acquiring)
        precondition(!wasSending, "two tasks send on one connection")
        defer { isSending.store(false, ordering: .releasing) }
        try await stream.write(bytes)
        sent.add(Int64(bytes.count), ordering: .relaxed)
    }

    private nonisolated(nonsending) func read() async throws -> [UInt8] {
        let bytes = try await stream.read(atMost: WireLimits.read)
        received.add(Int64(bytes.count), ordering: .relaxed)
        return bytes
    }

    private func takeDecoder() -> FrameDecoder {
        guard let decoder = decoder.withLock({ $0.take() }) else {
            preconditionFailure("two tasks receive on one connection")
        }
        return decoder
    }

    private func putBack(_ taken: FrameDecoder) {
        decoder.withLock { $0 = taken }
    }
}
