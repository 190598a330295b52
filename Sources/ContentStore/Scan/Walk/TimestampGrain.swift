internal import CLinux
internal import Glibc

/// git's racy-timestamp rule. A file that is written, hashed and written again within one tick of
/// the file system's clock has the same size and times as before: a status can only be relied upon
/// if it was older than a tick when the bytes were read. Until it is, the file is hashed at every
/// scan.
///
/// The change time decides, since no program can set it; where a file system keeps none worth the
/// name it equals the modification time. The kernel stamps files with a clock that ticks at 100 to
/// 1000 Hz; FAT keeps two seconds, and what comes over a network keeps the grain of another
/// machine, whose clock differs from ours.
struct TimestampGrain: Sendable {
    /// How much older than the reading a status has to be, in nanoseconds.
    let nanoseconds: Int64

    static let kernelTick = TimestampGrain(nanoseconds: 20_000_000)
    static let coarse = TimestampGrain(nanoseconds: 2_000_000_000)

    /// The grain of the file system of an open directory.
    static func of(_ descriptor: Int32) -> TimestampGrain {
        var info = statfs()
        guard fstatfs(descriptor, &info) == 0 else { return .coarse }
        let local: Set<UInt32> = [
            0xEF53,  // ext2 to ext4
            0x5846_5342,  // xfs
            0x9123_683E,  // btrfs
            0x0102_1994,  // tmpfs
            0x794C_7630,  // overlayfs
            0xF2F5_2010,  // f2fs
            0x2FC1_2FC1,  // zfs
            0xCA45_1A4E,  // bcachefs
        ]
        return local.contains(UInt32(truncatingIfNeeded: info.f_type)) ? .kernelTick : .coarse
    }

    /// Whether a change after `moment`, when the reading began, would show in the status.
    func isSettled(_ status: FileStat, readAt moment: FileTime) -> Bool {
        // Whole seconds, by chance once in 10⁹, are the mark of a coarse clock.
        let span =
            status.changed.nanoseconds == 0
            ? max(nanoseconds, Self.coarse.nanoseconds) : nanoseconds
        let limit = moment.earlier(by: span)
        // A modification time in the future was set by a program; a write would end that.
        return status.changed < limit
            && (status.modified < limit || moment < status.modified.earlier(by: span))
    }
}

extension FileTime {
    /// The moment of the file system's clock, or later by less than a tick.
    static func now() -> FileTime {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return FileTime(time)
    }

    /// - Parameter span: nanoseconds, 0 or more.
    func earlier(by span: Int64) -> FileTime {
        let borrowed = Int64(nanoseconds) - span % 1_000_000_000
        return FileTime(
            seconds: seconds - span / 1_000_000_000 - (borrowed < 0 ? 1 : 0),
            nanoseconds: UInt32(borrowed < 0 ? borrowed + 1_000_000_000 : borrowed))
    }
}
