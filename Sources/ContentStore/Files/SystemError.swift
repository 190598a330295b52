internal import Glibc
internal import JobModel

/// A failed system call: which one, on what, and the kernel's word for it. Thrown inside this
/// target where the code decides something; people get it as a ``ShuntError``.
struct SystemError: Error, Equatable {
    var operation: String
    var path: RawPath
    var code: Int32

    /// The kernel's text for the code, lower case as error lines are.
    var reason: String { systemReason(code) }

    /// The error as people see it.
    var asShuntError: ShuntError {
        let message = "cannot \(operation) `\(path)`: \(reason)"
        switch code {
        case ENOSPC, EDQUOT:
            return ShuntError(
                .failed, "no space left for `\(path)`: \(reason)",
                hint: "df -h \(shellQuoted(path.parent))")
        case EACCES, EPERM:
            return ShuntError(.failed, message, hint: "ls -ld \(shellQuoted(path))")
        case ENOENT:
            return ShuntError(.notFound, message, hint: "ls -la \(shellQuoted(path.parent))")
        case EMFILE, ENFILE:
            return ShuntError(.failed, message, hint: "ulimit -n")
        case EROFS:
            return ShuntError(.failed, message, hint: "findmnt -T \(shellQuoted(path))")
        default:
            return ShuntError(.failed, message, hint: "ls -ld \(shellQuoted(path))")
        }
    }
}

/// The kernel's text for an errno: `no such file or directory`.
package func systemReason(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
    let text = String(
        decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.isEmpty ? "errno \(code)" : text.prefix(1).lowercased() + text.dropFirst()
}

/// A path as a word of a shell command in a hint.
func shellQuoted(_ path: RawPath) -> String {
    let plain = path.bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: ","):
            true
        default: false
        }
    }
    if path.isEmpty { return "." }
    if plain, path.bytes.first != UInt8(ascii: "-") { return path.description }
    return "'"
        + path.description.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "'\\''") + "'"
}

/// Runs a system call until it is not interrupted by a signal.
///
/// - Returns: the call's result, 0 or more.
/// - Throws: ``SystemError`` with errno for a result below 0.
@discardableResult
func checked<Result: FixedWidthInteger & SignedInteger>(
    _ operation: @autoclosure () -> String, _ path: @autoclosure () -> RawPath,
    _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = errno
        if code == EINTR { continue }
        throw SystemError(operation: operation(), path: path(), code: code)
    }
}

/// Runs `body` and gives its ``SystemError`` or ``TreeError`` the shape that people see.
package func forPeople<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as SystemError {
        throw error.asShuntError
    } catch let error as TreeError {
        throw error.asShuntError
    }
}
