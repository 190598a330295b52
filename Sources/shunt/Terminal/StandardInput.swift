internal import CLinux
internal import Glibc

/// Standard input, which no job reads: a job's is `/dev/null`.
enum StandardInput {
    /// Whether somebody sends something in, so that they can be told that it goes nowhere: bytes
    /// wait in a pipe, or a file with bytes in it is the input.
    static func hasData() -> Bool {
        var status = stat()
        guard fstat(0, &status) == 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status.st_size > 0
        case S_IFIFO:
            var entry = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLIN) != 0
        default: return false
        }
    }
}
