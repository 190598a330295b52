internal import CoordinatorClient
internal import JobModel

/// Follows a job from its submission to its last byte of output: one loop of long polls for what
/// becomes of it, one for its log. Either loop survives a coordinator that dies, since each request
/// brings it back and asks from where it was.
struct JobFollower: Sendable {
    let connection: CoordinatorConnection
    let job: JobID
    let progress: ProgressDisplay
    /// Tasks of the job.
    let nodes: Int
    /// Makes the printer of a rank; `nil` for a job of one task.
    let printer: @Sendable (Int?) -> LogPrinter
    /// Told of every change.
    let observe: @Sendable (JobView) -> Void

    /// - Returns: the job once it is terminal and all of its output is printed.
    /// - Throws: what ends either loop first; the other one is cancelled.
    func run() async throws -> JobView {
        try await withThrowingTaskGroup(of: JobView?.self) { group in
            group.addTask {
                try await followLogs()
                return nil
            }
            group.addTask { try await watch() }
            var last: JobView?
            for try await view in group { last = view ?? last }
            guard let last else { preconditionFailure("watching ends with a view or throws") }
            return last
        }
    }

    private func followLogs() async throws {
        let start = LogOffset(offset: 0)
        let reference = JobReference(job)
        guard nodes > 1 else {
            let log = LogFollower(
                connection: connection, job: reference, printer: printer(nil))
            return try await log.follow(from: start, waits: true)
        }
        try await GangLogFollower(
            connection: connection, job: reference, count: nodes, printer: printer
        ).follow(from: Array(repeating: start, count: nodes), waits: true)
    }

    private func watch() async throws -> JobView {
        let reference = JobReference(job)
        var running: ProgressTicker?
        defer { running?.stop() }
        var trouble = TroubleNotice()
        var failure = GangFailureNotice()
        var view = try await connection.job(reference)
        while true {
            show(view, &running)
            if let text = failure.text(for: view) { progress.warn(text) }
            // Others have read it in the line of progress.
            if progress.mode == .quiet, let text = trouble.text(for: view, at: .now) {
                progress.warn(text)
            }
            if view.state.isTerminal { return view }
            view = try await connection.job(
                reference, after: view.version,
                wait: trouble.nextLook ?? APIPath.longestWait)
        }
    }

    /// - Parameter running: renews the line of a job that runs and says nothing.
    private func show(_ view: JobView, _ running: inout ProgressTicker?) {
        observe(view)
        let text = JobProgressText.describe(view)
        if text == nil, view.phase == .running {
            if running != nil { return }
            let start = ContinuousClock.now
            running = progress.tickWhileSilent("running") {
                DurationText.describe(.seconds((ContinuousClock.now - start).components.seconds))
            }
            return
        }
        running?.stop()
        running = nil
        if let text {
            progress.update(text)
        } else {
            progress.clear()
        }
    }
}
