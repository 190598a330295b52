package import ByteStream

/// Calls back once at a moment of `CLOCK_BOOTTIME`, the clock that runs through suspend: for
/// leases and deadlines that must have passed when a sleeping machine wakes up. libuv's own timers
/// stop in suspend.
///
/// Made, used and closed on its loop's thread, like every handle; `deinit` of the handle inside
/// traps if closing it was forgotten.
package final class BootTimer {
    private let alarm: AlarmDescriptor
    private let onFire: () -> Void
    /// Watches `alarm`; set as soon as there is an owner that it can call.
    private var poll: UVPoll?

    /// - Throws: ``StreamError`` where the process is out of descriptors.
    package init(on loop: UVLoop, onFire: @escaping () -> Void) throws(StreamError) {
        alarm = try AlarmDescriptor()
        self.onFire = onFire
        let poll = try UVPoll(alarm.raw, on: loop) { [unowned self] _ in
            if alarm.acknowledge() { self.onFire() }
        }
        self.poll = poll
        do {
            try poll.watch(.readable)
        } catch {
            poll.close()
            throw error
        }
    }

    /// Sets the moment at which it fires, in place of an earlier one; one that has passed is now.
    ///
    /// - Parameter milliseconds: as ``SystemClock/steadyMilliseconds()`` reads it.
    package func arm(atSteadyMilliseconds milliseconds: Int64) throws(StreamError) {
        poll?.loop.preconditionOnLoop()
        try alarm.arm(atSteadyMilliseconds: milliseconds)
    }

    /// Keeps it from firing until it is armed again.
    package func disarm() throws(StreamError) {
        poll?.loop.preconditionOnLoop()
        try alarm.disarm()
    }

    /// Stops it for good. May be called more than once.
    package func close() { poll?.close() }

    func onLoopEnd(_ action: @escaping () -> Void) { poll?.onLoopEnd = action }
}
