/// A duplex stream of bytes between two processes: a Unix socket, a pair of pipes, or (later) an
/// SSH channel. Reads and writes suspend instead of buffering without bound.
///
/// One task reads and one task writes at a time; a reader and a writer may run beside each other.
/// Cancelling a task that waits in ``read(atMost:)`` or ``write(_:)`` ends the wait with
/// `CancellationError` and leaves the stream fit only for ``close()``.
package protocol ByteStream: Sendable {
    /// Waits until at least one byte is there and returns up to `limit` bytes (1 … 1 MiB).
    ///
    /// - Returns: an empty array at the end of the stream.
    /// - Throws: ``StreamError`` if the connection broke.
    func read(atMost limit: Int) async throws -> [UInt8]

    /// Returns when all bytes are handed to the kernel or stand in this stream's bounded buffer
    /// (1 MiB); suspends while that is full.
    ///
    /// - Throws: ``StreamError`` if the connection broke; what was written before may be lost.
    func write(_ bytes: [UInt8]) async throws

    /// Ends both directions, waking whoever waits. May be called more than once.
    func close() async
}

/// Why a stream ended other than by its peer's orderly close.
package struct StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    package var operation: String
    /// The errno of the failed call, or 0 where the stream was closed on this side.
    package var errno: Int32

    package init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    package var description: String {
        errno == 0 ? "\(operation): the stream is closed" : "\(operation): errno \(errno)"
    }
}
