internal import Glibc
internal import JobModel

/// A system call that failed: which one, on what, and why.
struct SystemError: Error, Hashable, CustomStringConvertible {
    var call: String
    var subject: String
    var errno: Int32

    var description: String { "\(call) `\(subject)`: \(Self.text(errno))" }

    static func text(_ errno: Int32) -> String { String(cString: strerror(errno)) }

    /// Repeats a call for as long as a signal interrupts it.
    ///
    /// - Returns: what the call returned, 0 or more.
    @discardableResult
    static func check<Result: SignedInteger>(
        _ call: String, _ subject: String, _ body: () -> Result
    ) throws(SystemError) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = Glibc.errno
            if code != EINTR { throw SystemError(call: call, subject: subject, errno: code) }
        }
    }
}

extension ShuntError {
    /// What a person reads when the operating system refused something of a task's directory.
    init(_ error: SystemError, in directory: String) {
        let hint =
            switch error.errno {
            case ENOSPC, EDQUOT: "free space on the file system of `\(directory)`"
            case EACCES, EPERM: "check the owner and mode of `\(directory)`"
            default: String?.none
            }
        self.init(.failed, "\(error) in `\(directory)`", hint: hint)
    }
}
