package import ByteStream

/// A connected Unix socket as a ``ByteStream`` on a loop: no thread of its own, for daemons that
/// hold many connections.
///
/// A ``DescriptorPump`` moves the bytes on the loop's thread. It stops reading while 1 MiB waits
/// for a reader, and a writer suspends while 1 MiB waits for the peer. The stream owns the
/// descriptor, which is closed once ``close()`` returns; a stream that is dropped without
/// `close()` is closed then. The end of the loop closes it as well.
package final class UVStream: ByteStream {
    /// Who is at the other end, where that is known.
    package let peer: UnixSocket.Peer?

    private let connection: UVConnection

    /// Takes over a connected socket. From any thread.
    ///
    /// - Throws: ``StreamError``; `ECANCELED` if the loop has ended.
    package init(
        _ descriptor: consuming OwnedDescriptor, on loop: UVLoop
    ) throws(StreamError) {
        // Not every stream is a Unix socket; those that are not have no peer to name.
        peer = try? UnixSocket.peer(of: descriptor)
        let queues = (inbound: BoundedByteQueue(), outbound: BoundedByteQueue())
        let pump = try DescriptorPump(
            descriptor, inbound: queues.inbound, outbound: queues.outbound)
        connection = UVConnection(pump, queues.inbound, queues.outbound, on: loop)
        try connection.start()
    }

    /// Connects to a listener without waiting (see ``UnixSocket/connect(path:)``).
    package static func connect(path: String, on loop: UVLoop) throws(StreamError) -> UVStream {
        try UVStream(try UnixSocket.connect(path: path), on: loop)
    }

    deinit { connection.requestClose() }

    package nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8] {
        try await connection.inbound.read(
            atMost: min(limit, StreamLimits.buffer), waking: connection)
    }

    package nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        try await connection.outbound.write(bytes, waking: connection)
    }

    /// Says that nothing more will be written; the peer reads what was accepted and then the end.
    package func finishWriting() { connection.outbound.finish(waking: connection) }

    package nonisolated(nonsending) func close() async {
        connection.requestClose()
        await connection.end.wait()
    }

    /// Bytes read from the peer that no task has taken, and bytes that the peer has not taken.
    package var buffered: (inbound: Int, outbound: Int) {
        (connection.inbound.count, connection.outbound.count)
    }
}
