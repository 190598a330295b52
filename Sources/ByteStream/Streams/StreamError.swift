internal import Glibc

/// Why a stream ended other than by its peer's orderly close, or which system call refused to
/// make one.
package struct StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, with the names that matter in backquotes: `read`, or "connect to `/x`".
    package var operation: String
    /// The errno of the failed call, or 0 where the stream was closed on this side.
    package var errno: Int32

    package init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    /// One line without a full stop, fit for the message of an error that a person reads.
    package var description: String {
        errno == 0
            ? "\(operation): the stream is closed"
            : "\(operation): \(Self.text(of: errno)) (errno \(errno))"
    }

    /// The end that a stream closed on this side shows to whoever still uses it.
    static func closed(_ operation: String) -> StreamError {
        StreamError(operation: operation, errno: 0)
    }

    /// `strerror` shares one buffer between threads; this does not.
    private static func text(of errno: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 128)
        text.withUnsafeMutableBytes { buffer in
            guard let start = buffer.bindMemory(to: CChar.self).baseAddress else { return }
            // Cut short or not known: what stands in the buffer is text all the same.
            _ = strerror_r(errno, start, buffer.count)
        }
        let words = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        return words.prefix(1).lowercased() + words.dropFirst()
    }
}

/// Calls `body` until it does something other than be interrupted by a signal.
///
/// - Returns: what the call returned, −1 never among it.
/// - Throws: ``StreamError`` with the call's errno.
@discardableResult
package func systemCall<Value: SignedInteger & Sendable>(
    _ operation: @autoclosure () -> String, _ body: () -> Value
) throws(StreamError) -> Value {
    try attempt(operation(), body).get()
}

/// As ``systemCall(_:_:)``, for where a failure is one of the expected outcomes.
func attempt<Value: SignedInteger & Sendable>(
    _ operation: @autoclosure () -> String, _ body: () -> Value
) -> Result<Value, StreamError> {
    while true {
        let result = body()
        if result != -1 { return .success(result) }
        let code = errno
        if code != EINTR { return .failure(StreamError(operation: operation(), errno: code)) }
    }
}
