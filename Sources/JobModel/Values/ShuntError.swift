/// Every failure that a person sees: what went wrong in one line, what to do about it, and which
/// of the documented exit codes the CLI ends with.
package struct ShuntError: Error, Hashable, Sendable, Codable {
    package var code: Code
    /// One sentence without a full stop, lower case, with the names that matter in backquotes.
    package var message: String
    /// A command that can be run, or a sentence that says what to change; `nil` only where nothing
    /// a person does would help.
    package var hint: String?

    package init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// What went wrong, as programs read it; the CLI's exit code follows from it.
    package enum Code: String, Sendable, Codable, CaseIterable {
        /// Wrong flags, a wrong file, a value out of range.
        case usage
        /// No such job, worker or path.
        case notFound = "not_found"
        /// Coordinator or worker cannot be reached.
        case unreachable
        /// Understood and refused: it does not fit, is forbidden, or contradicts what is stored.
        case refused
        /// What the kernel or a peer did: a full disk, a lost connection, a broken file.
        case failed

        /// The exit code of every command but `run` (there it is 125).
        package var exitCode: Int32 {
            switch self {
            case .usage: 2
            case .notFound: 3
            case .unreachable: 4
            case .refused: 5
            case .failed: 1
            }
        }
    }
}

extension ShuntError: CustomStringConvertible {
    package var description: String { message }
}
