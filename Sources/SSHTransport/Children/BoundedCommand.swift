internal import ByteStream
internal import CLinux
internal import Glibc

/// Runs a program to its end, with bounds on time and output. For what answers quickly; blocks its
/// thread.
enum BoundedCommand {
    struct Outcome {
        var output: [UInt8]
        /// The last of its standard error.
        var words: [UInt8]
        /// `nil`: it did not end in time, and was ended.
        var ending: ChildProcess.Ending?
    }

    /// - Parameter limit: bytes of output; a program that says more is ended.
    /// - Throws: ``SSHError`` if it cannot be started.
    static func run(
        _ words: [String], limit: Int, authSocket: String? = Account.variable("SSH_AUTH_SOCK"),
        _ patience: Patience
    ) throws(SSHError) -> Outcome {
        let output = try SocketPair()
        let errors = try SocketPair()
        let null = try SocketPair.null()
        let child = try ChildProcess(
            .init(
                words: words, input: null.raw, output: output.theirs.raw,
                errors: errors.theirs.raw, authSocket: authSocket))
        let outputEnd = output.keepOurs()
        let errorEnd = errors.keepOurs()
        var outcome = Outcome(output: [], words: [], ending: nil)
        var isOutputOpen = true
        var areErrorsOpen = true
        while isOutputOpen || areErrorsOpen, outcome.output.count <= limit {
            let waits = [
                (isOutputOpen ? outputEnd.raw : -1, POLLIN),
                (areErrorsOpen ? errorEnd.raw : -1, POLLIN),
            ]
            guard case .ready = patience.wait(for: waits) else {
                child.signal(SIGKILL)
                return outcome
            }
            if isOutputOpen { isOutputOpen = drain(outputEnd.raw, into: &outcome.output) }
            if areErrorsOpen { areErrorsOpen = drain(errorEnd.raw, into: &outcome.words) }
            outcome.words = Array(outcome.words.suffix(SSHLimits.proxyWords))
        }
        if outcome.output.count > limit {
            child.signal(SIGKILL)
        } else {
            outcome.ending = child.wait(patience)
        }
        return outcome
    }

    /// - Returns: false at the end of the pipe.
    private static func drain(_ descriptor: Int32, into bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer.prefix(count)
                return true
            }
            if count == 0 { return false }
            if errno == EINTR { continue }
            return errno == EAGAIN
        }
    }
}
