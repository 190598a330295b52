internal import Glibc

/// What `/proc` says of one process; see proc(5).
enum ProcessState {
    /// Whether a signal has stopped it.
    static func isStopped(_ pid: pid_t) -> Bool {
        // The name stands in parentheses and may hold any byte, parentheses included.
        guard let text = SmallFile.text("/proc/\(pid)/stat"),
            let end = text.lastIndex(of: ")")
        else { return false }
        return text[end...].hasPrefix(") T")
    }

    /// Its command line; empty where there is no such process.
    static func arguments(of pid: pid_t) -> [String] {
        (SmallFile.text("/proc/\(pid)/cmdline") ?? "").split(separator: "\0").map(String.init)
    }
}
