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

    /// Field 22 of `/proc/PID/stat`; `nil` where there is no such process.
    static func startTicks(of pid: pid_t) -> UInt64? {
        guard let line = SmallFile.text("/proc/\(pid)/stat"),
            // The name in field 2 may hold anything: what follows its last parenthesis counts.
            let end = line.utf8.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = line.utf8[end...].dropFirst().split(separator: UInt8(ascii: " "))
        return fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) : nil
    }

    /// Its command line; empty where there is no such process.
    static func arguments(of pid: pid_t) -> [String] {
        (SmallFile.text("/proc/\(pid)/cmdline") ?? "").split(separator: "\0").map(String.init)
    }
}
