package import ByteStream
internal import CLinux
internal import Glibc

/// Calls back once at a moment of `CLOCK_BOOTTIME`, the clock that runs through suspend: for
/// leases and deadlines that must have passed when a sleeping machine wakes up. A timerfd, since
/// libuv's own timers stop in suspend.
///
/// Made, used and closed on its loop's thread, like every handle.
package final class BootTimer {
    private let descriptor: OwnedDescriptor
    private let poll: UVPoll

    /// - Throws: ``StreamError`` where the process is out of descriptors.
    package init(on loop: UVLoop, onFire: @escaping () -> Void) throws(StreamError) {
        let raw = try systemCall("timerfd_create") {
            timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
        }
        descriptor = OwnedDescriptor(adopting: raw)
        poll = try UVPoll(raw, on: loop) {
            // EAGAIN: it was armed anew between the event and this call.
            var expirations: UInt64 = 0
            guard read(raw, &expirations, 8) == 8 else { return }
            onFire()
        }
        do {
            try poll.watch(.readable)
        } catch {
            poll.close()
            throw error
        }
    }

    /// Sets the moment at which it fires, in place of an earlier one; one that has passed is now.
    ///
    /// - Parameter milliseconds: as ``SystemClock/steadyMilliseconds()`` reads it, 0 or more.
    package func arm(atSteadyMilliseconds milliseconds: Int64) throws(StreamError) {
        // All zero would disarm it.
        let moment = max(1, milliseconds)
        try set(
            timespec(
                tv_sec: Int(moment / 1000), tv_nsec: Int(moment % 1000) * 1_000_000))
    }

    /// Keeps it from firing until it is armed again.
    package func disarm() throws(StreamError) { try set(timespec()) }

    /// Stops it for good. May be called more than once.
    package func close() { poll.close() }

    func onLoopEnd(_ action: @escaping () -> Void) { poll.onLoopEnd = action }

    private func set(_ moment: timespec) throws(StreamError) {
        poll.loop.preconditionOnLoop()
        var setting = itimerspec(it_interval: timespec(), it_value: moment)
        let raw = descriptor.raw
        try systemCall("timerfd_settime") {
            timerfd_settime(raw, Int32(TFD_TIMER_ABSTIME), &setting, nil)
        }
    }
}
