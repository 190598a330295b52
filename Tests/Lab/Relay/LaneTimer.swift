internal import ByteStream
internal import CLinux
internal import Glibc

/// `poll` with a deadline in nanoseconds: a lane's wait. `poll` itself counts milliseconds.
struct LaneTimer: ~Copyable {
    private let timer: OwnedDescriptor

    init() throws {
        timer = OwnedDescriptor(
            adopting: try LabError.check("timerfd_create") {
                timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    /// Returns when a socket is ready, somebody woke the lane, or the moment has come.
    ///
    /// - Parameter sockets: with what they are waited for.
    func wait(
        for sockets: [(descriptor: Int32, events: Int32)], wake: WakeDescriptor,
        until moment: UInt64?
    ) {
        var polled = [pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0)]
        for socket in sockets {
            polled.append(
                pollfd(fd: socket.descriptor, events: Int16(socket.events), revents: 0))
        }
        if let moment {
            // All zero would disarm it. Arming it anew also forgets that it went off.
            let nanoseconds = Int(max(moment, 1))
            var setting = itimerspec(
                it_interval: timespec(),
                it_value: timespec(
                    tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000))
            timerfd_settime(timer.raw, Int32(TFD_TIMER_ABSTIME), &setting, nil)
            polled.append(pollfd(fd: timer.raw, events: Int16(POLLIN), revents: 0))
        }
        // Interrupted or not, the lane looks at everything anew.
        _ = poll(&polled, nfds_t(polled.count), -1)
        if polled[0].revents != 0 { wake.reset() }
    }
}
