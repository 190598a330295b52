internal import CLinux
internal import Glibc
internal import Synchronization

/// When one direction of a link is free again: its rate holds for all connections together, as the
/// rate of a cable does.
final class LinkClock: Sendable {
    private let freeAt = Mutex<UInt64>(0)

    /// Bytes that wait in front of a slow link beyond this many nanoseconds of it are left to the
    /// sender's TCP, as behind a router with a short queue.
    static let queue: UInt64 = 10_000_000

    /// Nanoseconds of a clock that only goes forward.
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// The first moment at which a lane may put more on the link.
    var acceptsAt: UInt64 {
        let free = freeAt.withLock { $0 }
        return free > Self.queue ? free - Self.queue : 0
    }

    /// Puts bytes on the link behind all others.
    ///
    /// - Returns: the moment at which the last of them has left.
    func reserve(_ bytes: Int, bitsPerSecond: UInt64, now: UInt64) -> UInt64 {
        let time = UInt64(Double(bytes) * 8e9 / Double(bitsPerSecond))
        return freeAt.withLock { free in
            free = max(free, now) + time
            return free
        }
    }

    /// How many bytes a lane takes at once: a millisecond of the link, so that connections take
    /// turns, and a packet at least.
    static func portion(bitsPerSecond: UInt64) -> Int {
        max(1_460, Int(min(bitsPerSecond / 8_000, 1 << 30)))
    }
}
