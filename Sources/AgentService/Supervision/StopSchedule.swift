internal import JobModel

/// Decides when a task is told to stop and when it is killed. Pure: time comes in as a value.
///
/// A stop begins once, with the cause that came first; what is asked later can only bring the end
/// nearer. A task that waits at its barrier has nothing that could react to a signal and is killed
/// at once.
struct StopSchedule: Hashable {
    enum Action: Hashable {
        /// Nothing to do before this moment, or at all.
        case wait(until: SteadyTime?)
        /// Record the stop, then send the stop signal.
        case begin(StoppingRecord)
        /// Record that the deadline has come nearer.
        case hasten(StoppingRecord)
        case kill
    }

    var maxDuration: Milliseconds?
    /// The grace period at the end of `maxDuration`.
    var grace: Milliseconds

    /// - Parameters:
    ///   - start: when the command was executed; `nil` while it waits at its barrier.
    ///   - request: what the agent asks for, if anything.
    ///   - stopping: what was begun, if anything.
    func next(
        at now: SteadyTime, start: SteadyTime?, request: StopRequest?, stopping: StoppingRecord?
    ) -> Action {
        // A request of an earlier boot has a meaningless time, and cannot lie in the future.
        let asked = request.map { min($0.requestedAt, now) + $0.order.grace }
        guard let stopping else {
            if let request, let asked {
                return .begin(
                    StoppingRecord(
                        cause: request.order.cause, deadline: start == nil ? now : asked))
            }
            guard let start, let maxDuration else { return .wait(until: nil) }
            let end = start + maxDuration
            if now < end { return .wait(until: end) }
            return .begin(StoppingRecord(cause: .timeout, deadline: now + grace))
        }
        if let asked, asked < stopping.deadline {
            return .hasten(StoppingRecord(cause: stopping.cause, deadline: asked))
        }
        return now < stopping.deadline ? .wait(until: stopping.deadline) : .kill
    }
}
