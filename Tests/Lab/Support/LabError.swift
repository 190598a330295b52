internal import Glibc

/// Something that a test needs and this machine did not do.
package struct LabError: Error, Sendable, CustomStringConvertible {
    /// What failed, in one line.
    package var description: String

    /// - Parameter message: what failed, in one line.
    package init(_ message: String) { description = message }

    /// - Parameter code: an errno, whose text is added.
    package init(_ message: String, code: Int32) {
        description = "\(message): \(String(cString: strerror(code)))"
    }

    /// Runs a system call again while signals interrupt it.
    ///
    /// - Returns: what the call returned, never negative.
    /// - Throws: ``LabError`` with `operation` and the errno.
    @discardableResult
    static func check(_ operation: @autoclosure () -> String, _ call: () -> Int32) throws -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            if errno != EINTR { throw LabError(operation(), code: errno) }
        }
    }
}
