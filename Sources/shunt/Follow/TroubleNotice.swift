internal import JobModel

/// Finds the waits of a job that only a person can end, for a command that is otherwise quiet: such
/// a wait is told once, however long it takes and however often it changes its words.
struct TroubleNotice {
    /// A link that comes back by itself within it is nobody's business.
    private static let patience = Duration.seconds(10)

    private var since: ContinuousClock.Instant?
    private var wasTold = false

    /// How long to wait at most before the next look, while something is amiss.
    var nextLook: Milliseconds? { since == nil || wasTold ? nil : .seconds(5) }

    /// - Returns: what to tell, the first time that there is something.
    mutating func text(for view: JobView, at now: ContinuousClock.Instant) -> String? {
        guard let trouble = Self.trouble(view) else {
            since = nil
            return nil
        }
        let start = since ?? now
        since = start
        guard !wasTold, trouble.isCertain || now - start >= Self.patience else { return nil }
        wasTold = true
        return "job \(view.id): \(trouble.text)"
    }

    private static func trouble(_ view: JobView) -> (text: String, isCertain: Bool)? {
        if view.state.isTerminal { return nil }
        // Says so only where it was tried and failed.
        if view.phase == .collecting, let activity = view.activity { return (activity, true) }
        if let link = view.link {
            return ("worker `\(view.worker?.text ?? "?")` is \(link)", false)
        }
        if let waiting = view.waiting, waiting.code == .workerUnreachable {
            return ("waiting: \(waiting.message)", false)
        }
        return nil
    }
}
