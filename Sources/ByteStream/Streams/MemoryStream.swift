/// One end of a duplex stream that never leaves this process, with the bounds of a real one: for
/// driving a protocol's two sides against each other, and for a client and a server that happen
/// to share a process.
///
/// Nothing is lost by closing: the other end reads what stands in the queue and then the end.
package final class MemoryStream: ByteStream {
    private let inbound: BoundedByteQueue
    private let outbound: BoundedByteQueue

    private init(inbound: BoundedByteQueue, outbound: BoundedByteQueue) {
        self.inbound = inbound
        self.outbound = outbound
    }

    deinit { end() }

    /// Two ends, each reading what the other writes.
    ///
    /// - Parameter capacity: bytes held in each direction.
    package static func pair(
        capacity: Int = StreamLimits.buffer
    ) -> (MemoryStream, MemoryStream) {
        let there = BoundedByteQueue(capacity: capacity)
        let back = BoundedByteQueue(capacity: capacity)
        return (
            MemoryStream(inbound: back, outbound: there),
            MemoryStream(inbound: there, outbound: back)
        )
    }

    package nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        try await inbound.read(atMost: min(limit, StreamLimits.buffer), waking: nil)
    }

    package nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await outbound.write(bytes, waking: nil)
    }

    /// Says that nothing more will be written; the other end reads what stands and then the end.
    package func finishWriting() { outbound.finish() }

    package nonisolated(nonsending) func close() async { end() }

    /// Bytes that stand between the two ends.
    package var buffered: (inbound: Int, outbound: Int) { (inbound.count, outbound.count) }

    private func end() {
        inbound.abandon()
        outbound.finish()
    }
}
