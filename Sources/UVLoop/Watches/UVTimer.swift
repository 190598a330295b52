package import ByteStream
internal import CLibUV

/// Calls back once or again and again, on the loop's thread, counted in whole milliseconds on
/// `CLOCK_MONOTONIC`: **the time that a machine spends in suspend does not count**. Leases and
/// other deadlines that must hold across suspend use ``BootTimer``.
///
/// Never early; late by up to a millisecond, and by whatever keeps the loop busy. Timers due at
/// the same millisecond fire in the order in which they were started.
package final class UVTimer: UVHandle {
    private let onFire: () -> Void

    package init(on loop: UVLoop, onFire: @escaping () -> Void) throws(StreamError) {
        self.onFire = onFire
        try super.init("make a timer", UV_TIMER, on: loop) { loop, memory in
            uv_timer_init(loop, memory.assumingMemoryBound(to: uv_timer_t.self))
        }
    }

    /// Starts or restarts it.
    ///
    /// - Parameters:
    ///   - delay: until it fires; zero or less is the loop's next turn.
    ///   - interval: between later calls, at least a millisecond; `nil` for a single one. A call
    ///     that comes late delays those after it.
    package func start(after delay: Duration, every interval: Duration? = nil) {
        let timer = pointer(to: uv_timer_t.self)
        // The loop reads the clock once per turn; what ran since then counts as well.
        uv_update_time(loop.raw)
        // Fails only on a handle that is closing.
        uv_timer_start(
            timer, { UVHandle.of($0, as: UVTimer.self)?.onFire() }, delay.roundedUpMilliseconds,
            interval.map { max(1, $0.roundedUpMilliseconds) } ?? 0)
    }

    /// Keeps it from firing until it is started again.
    package func stop() { uv_timer_stop(pointer(to: uv_timer_t.self)) }
}

extension Duration {
    /// Whole milliseconds, none for what lies in the past; at most about 30,000 years, since libuv
    /// adds it to the time of its clock.
    var roundedUpMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let fraction = UInt64(attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return UInt64(min(seconds, 1_000_000_000_000)) * 1000 + fraction
    }
}
