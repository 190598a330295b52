/// A duplex stream of bytes between two processes: a Unix socket, a pair of pipes, or (later) an
/// SSH channel. Reads and writes suspend instead of buffering without bound.
///
/// One task reads and one task writes at a time; a reader and a writer may run beside each other.
/// Cancelling a task that waits in ``read(atMost:)`` or ``write(_:)`` ends the wait with
/// `CancellationError` and leaves the stream fit only for ``close()``.
///
/// All three run on their caller's executor and leave it only to wait: a frame that already stands
/// in the buffer costs no change of thread.
package protocol ByteStream: Sendable {
    /// Waits until at least one byte is there and returns up to `limit` bytes (1 … 1 MiB).
    ///
    /// - Returns: an empty array at the end of the stream.
    /// - Throws: ``StreamError`` if the connection broke. Bytes that arrived before are returned
    ///   first.
    nonisolated(nonsending) func read(atMost limit: Int) async throws -> [UInt8]

    /// Returns when all bytes are handed to the kernel or stand in this stream's bounded buffer
    /// (1 MiB); suspends while that is full.
    ///
    /// - Throws: ``StreamError`` if the connection broke; what was written before may be lost.
    nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws

    /// Ends both directions, waking whoever waits. What ``write(_:)`` accepted is still sent, for
    /// at most ``StreamLimits/linger`` where the peer does not take it; returns once the
    /// connection is let go. May be called more than once, and ignores cancellation.
    nonisolated(nonsending) func close() async
}

/// The bounds that every stream of this target keeps.
package enum StreamLimits {
    /// Bytes that a stream holds in each direction, and the most that one read returns.
    package static let buffer = 1 << 20
    /// Bytes asked of the kernel at once: a read of this size fills one array that then goes to
    /// the reader without a copy.
    package static let transfer = 256 << 10
    /// Small writes are joined until a chunk holds this many bytes, so that a million writes of
    /// one byte cost neither a million arrays nor a million system calls.
    package static let coalesce = 16 << 10
    /// How long ``ByteStream/close()`` waits for a peer to take what was accepted.
    package static let linger = Duration.seconds(2)
    /// The longest path of a Unix socket, in bytes: `sun_path` holds 108, one of them the NUL.
    package static let socketPath = 107
    /// Connections that the kernel holds for a listener before it refuses more.
    package static let backlog: Int32 = 128
}
