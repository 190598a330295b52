internal import ByteStream
internal import CLinux
internal import Glibc

/// How long a blocking piece of work may go on: until a moment, or until somebody calls it off.
struct Patience: Sendable {
    var deadline: ContinuousClock.Instant
    var stop: StopSign?

    init(until deadline: ContinuousClock.Instant, stop: StopSign? = nil) {
        self.deadline = deadline
        self.stop = stop
    }

    enum Outcome {
        case ready, timedOut, stopped
    }

    var isStopped: Bool { stop?.isRaised ?? false }

    /// The same stop with another deadline.
    func until(_ deadline: ContinuousClock.Instant) -> Patience {
        Patience(until: deadline, stop: stop)
    }

    /// Waits until one of `descriptors` is ready; a hang-up or an error counts as that.
    func wait(for descriptors: [(descriptor: Int32, events: Int32)]) -> Outcome {
        var polls = descriptors.map {
            pollfd(fd: $0.descriptor, events: Int16($0.events), revents: 0)
        }
        if let stop { polls.append(pollfd(fd: stop.raw, events: Int16(POLLIN), revents: 0)) }
        while true {
            if isStopped { return .stopped }
            let left = Self.milliseconds(until: deadline)
            let count = poll(&polls, nfds_t(polls.count), left)
            if isStopped { return .stopped }
            if polls.prefix(descriptors.count).contains(where: { $0.revents != 0 }), count > 0 {
                return .ready
            }
            if deadline <= .now { return .timedOut }
        }
    }

    func wait(for descriptor: Int32, _ events: Int32) -> Outcome {
        wait(for: [(descriptor, events)])
    }

    /// For `poll`: rounded up, so that it does not wake before the moment and spin.
    static func milliseconds(until deadline: ContinuousClock.Instant) -> Int32 {
        let left = (deadline - .now) / .milliseconds(1)
        return Int32(min(max(0, left + 1), 3_600_000))
    }
}
