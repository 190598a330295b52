internal import JobModel

/// What Ctrl-C means while `run` follows a job: SIGINT to the job, and at the second within three
/// seconds a cancel. A job that has no process yet cannot take a signal, so there the first one
/// cancels; once a cancel is under way or the job is over, another one only stops the waiting.
struct InterruptPolicy {
    enum Action: Equatable {
        case signal
        case cancel
        /// End this command; the job is left as it is.
        case leave
    }

    enum JobProgress {
        case waiting
        case running
        case over
    }

    static let window = Milliseconds.seconds(3)

    private var last: SteadyTime?
    private var hasCancelled = false

    mutating func interrupt(at now: SteadyTime, job: JobProgress) -> Action {
        defer { last = now }
        switch job {
        case .over: return .leave
        case _ where hasCancelled: return .leave
        case .waiting:
            hasCancelled = true
            return .cancel
        case .running:
            guard let last, now - last <= Self.window else { return .signal }
            hasCancelled = true
            return .cancel
        }
    }
}

extension JobView {
    /// What a signal meets.
    var progress: InterruptPolicy.JobProgress {
        if state.isTerminal { return .over }
        switch phase {
        case .running, .stopping, .unkillable: return .running
        case .exited, .collecting, .terminal, .revoked: return .over
        case .dispatching, .accepted, .staging, .staged, .starting, nil: return .waiting
        }
    }
}
