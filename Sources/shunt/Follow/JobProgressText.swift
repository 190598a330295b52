internal import JobModel

/// What is being done for a job, for the line of progress.
enum JobProgressText {
    /// - Returns: `nil` while the job itself speaks.
    static func describe(_ view: JobView) -> String? {
        let link = view.link.map { " (worker `\(view.worker?.text ?? "?")` is \($0))" } ?? ""
        switch view.state {
        case .queued:
            return (view.waiting.map { "waiting: \($0.message)" } ?? "queued") + link
        case .active: break
        case .succeeded, .failed, .cancelled, .lost: return nil
        }
        switch view.phase {
        case .running: return link.isEmpty ? nil : "running" + link
        case .dispatching, .accepted, nil: return (view.activity ?? "starting") + link
        case .staging, .staged, .starting: return (view.activity ?? "preparing") + link
        case .stopping: return "stopping" + (view.cause.map { " (\($0.rawValue))" } ?? "") + link
        case .unkillable: return "a process of the job does not let itself be killed" + link
        case .exited, .collecting: return (view.activity ?? "collecting outputs") + link
        case .terminal, .revoked: return nil
        }
    }

    /// How the job ended, where its exit code alone does not say it; `nil` where it does.
    static func ending(_ view: JobView) -> String? {
        switch view.state {
        case .queued, .active, .succeeded: return nil
        case .cancelled, .lost: return "job \(view.id) " + view.state.rawValue + suffix(view)
        case .failed:
            // A command that ended by itself has said what there was to say, unless what failed
            // is not its doing.
            if view.verdict == .failed, view.cause == nil, view.spec.nodeCount == 1,
                case .exited(let code)? = view.exit, code != 0
            {
                return nil
            }
            return "job \(view.id) failed" + suffix(view)
        }
    }

    private static func suffix(_ view: JobView) -> String {
        guard let reason = view.reason, reason != view.state.rawValue else { return "" }
        return ": \(reason)"
    }
}
