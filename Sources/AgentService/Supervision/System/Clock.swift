internal import CLinux
internal import Glibc
internal import JobModel

extension Moment {
    /// What this machine's clocks say.
    static func now() -> Moment {
        Moment(
            wall: WallTime(milliseconds: milliseconds(CLOCK_REALTIME)),
            steady: SteadyTime(milliseconds: milliseconds(CLOCK_BOOTTIME)))
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Which boot of the kernel this is. Steady times of different boots cannot be compared, and no
/// process of an earlier one lives.
enum BootID {
    static func current() -> String {
        // Without the file nothing is comparable to nothing: every record is of this boot.
        guard
            let bytes = try? SmallFile.read("/proc/sys/kernel/random/boot_id", limit: 64)
        else { return "" }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
