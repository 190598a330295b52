internal import CLinux
internal import Glibc
internal import JobModel

/// Writes whole byte sequences to the descriptors 1 and 2. Blocks until all is written, also where
/// somebody made the descriptor non-blocking: it is shared with whoever started us.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// - Returns: the errno of the failure, `nil` when all was written.
    func write(_ bytes: some Sequence<UInt8>) -> Int32? {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: break
            case EAGAIN:
                var entry = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, -1)
            default: return errno
            }
        }
        return nil
    }

    var isTerminal: Bool { isatty(rawValue) == 1 }

    /// Prints data that somebody asked for.
    ///
    /// - Throws: ``ProgramExit`` when nobody reads any more, as `head` does, and ``ShuntError``
    ///   where it cannot be written.
    static func printData(_ text: String) throws {
        guard let code = StandardStream.output.write(text.utf8) else { return }
        if code == EPIPE { throw ProgramExit(code: ProgramExit.brokenPipe) }
        throw ShuntError(
            .failed,
            "standard output cannot be written: \(String(cString: strerror(code)))",
            hint: "df -h")
    }

    /// Prints a line for the person; where even standard error is gone, nobody is there to miss it.
    static func printNotice(_ line: String) {
        _ = StandardStream.error.write((line + "\n").utf8)
    }
}

/// Ends the command with a code and without a word: what there was to say has been said.
struct ProgramExit: Error, Hashable {
    var code: Int32

    /// What a shell reports of a command that SIGPIPE ended.
    static let brokenPipe: Int32 = 128 + 13
}
