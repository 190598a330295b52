internal import CLinux
internal import Glibc

/// A timerfd on `CLOCK_BOOTTIME`, the clock that runs through suspend: it becomes readable at a
/// moment, and does so at once when a machine wakes up after it. Wait for it with `poll` or a loop.
package struct AlarmDescriptor: ~Copyable, Sendable {
    private let timer: OwnedDescriptor

    /// - Throws: ``StreamError`` where the process is out of descriptors.
    package init() throws(StreamError) {
        let raw = try systemCall("timerfd_create") {
            timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
        }
        timer = OwnedDescriptor(adopting: raw)
    }

    /// For waiting until it is readable.
    package var raw: Int32 { timer.raw }

    /// Sets the moment, in place of an earlier one; one that has passed is now.
    ///
    /// - Parameter milliseconds: as ``SystemClock/steadyMilliseconds()`` reads it.
    package func arm(atSteadyMilliseconds milliseconds: Int64) throws(StreamError) {
        // All zero would disarm it.
        let moment = max(1, milliseconds)
        try set(timespec(tv_sec: Int(moment / 1000), tv_nsec: Int(moment % 1000) * 1_000_000))
    }

    /// Forgets the moment.
    package func disarm() throws(StreamError) { try set(timespec()) }

    /// Makes it unreadable again.
    ///
    /// - Returns: false if the moment has not come: it was armed anew in between.
    package func acknowledge() -> Bool {
        var expirations: UInt64 = 0
        return read(timer.raw, &expirations, 8) == 8
    }

    private func set(_ moment: timespec) throws(StreamError) {
        var setting = itimerspec(it_interval: timespec(), it_value: moment)
        let raw = timer.raw
        try systemCall("timerfd_settime") {
            timerfd_settime(raw, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        }
    }
}
