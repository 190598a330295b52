internal import Glibc

/// What `/proc` says of one process; see proc(5).
enum ProcessState {
    /// Whether a signal has stopped it.
    static func isStopped(_ pid: pid_t) -> Bool {
        // One that has ended is not stopped.
        guard let bytes = try? SmallFile.read("/proc/\(pid)/stat", limit: 64),
            // The name stands in parentheses and may hold any byte, parentheses included; it has 15
            // bytes at most.
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        return bytes[end...].starts(with: Array(") T".utf8))
    }

    /// Its command line; empty where there is no such process.
    static func arguments(of pid: pid_t) -> [String] {
        (SmallFile.text("/proc/\(pid)/cmdline") ?? "").split(separator: "\0").map(String.init)
    }
}
