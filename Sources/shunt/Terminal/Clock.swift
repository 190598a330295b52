internal import Glibc
internal import JobModel

extension WallTime {
    /// The time of day, for ages in tables.
    static func now() -> WallTime {
        var time = timespec()
        // Cannot fail: the clock always exists.
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(
            milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
