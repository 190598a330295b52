internal import CLinux
internal import Glibc

/// The two clocks that Shunt reads, each in whole milliseconds.
package enum SystemClock {
    /// Milliseconds since 1970 (`CLOCK_REALTIME`): for records and people. It jumps when somebody
    /// sets the clock.
    package static func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) }

    /// Milliseconds since boot (`CLOCK_BOOTTIME`), time in suspend included; never set back.
    package static func steadyMilliseconds() -> Int64 { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Fails only for a clock that the kernel lacks; Linux has both since 2.6.39.
        precondition(clock_gettime(clock, &time) == 0, "the kernel lacks a clock that it must have")
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
