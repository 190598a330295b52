/// Jobs that wait for others to succeed.
extension CoordinatorCore {
    /// What keeps a job from ever starting, for the sake of those that it is to come after. They
    /// are in memory, the ledger's among them, while this is asked.
    func refusal(ofDependencies ids: [JobID]) -> ShuntError? {
        guard ids.count <= JobLimits.dependencies else {
            return ShuntError(
                .usage, "a job comes after at most \(JobLimits.dependencies) others",
                hint: "shunt run --help")
        }
        for id in ids {
            guard let job = jobs[id] else {
                return ShuntError(
                    .notFound, "there is no job `\(id)` to come after", hint: "shunt ps -a")
            }
            if job.state.isTerminal, job.state != .succeeded {
                return ShuntError(
                    .refused, "job `\(id)`, which it is to come after, has \(Self.word(job.state))",
                    hint: "shunt inspect \(id)")
            }
        }
        return nil
    }

    /// Those of them that have not succeeded yet.
    func pending(_ ids: [JobID]) -> [JobID] { ids.filter { jobs[$0]?.state != .succeeded } }

    /// Lets the jobs go on that waited for this one, or ends them with it.
    mutating func settleDependents(
        of id: JobID, _ turn: inout Turn
    ) throws(IllegalTransition) {
        guard let state = jobs[id]?.state, state.isTerminal else { return }
        for dependent in queue {
            // One that waited for several may have ended with another one of them.
            guard let job = jobs[dependent], job.state == .queued, job.waitsFor.contains(id)
            else { continue }
            if state == .succeeded {
                change(dependent, &turn) { $0.waitsFor.removeAll { $0 == id } }
            } else {
                let reason = "job `\(id)`, which it was to come after, has \(Self.word(state))"
                try end(dependent, .cancel, reason: reason, &turn)
            }
        }
    }

    private static func word(_ state: JobState) -> String {
        switch state {
        case .queued, .active: "not ended"
        case .succeeded: "succeeded"
        case .failed: "failed"
        case .cancelled: "been cancelled"
        case .lost: "been lost"
        }
    }

    /// Why a job waits that comes after others; `nil` where they have all succeeded.
    func dependencyReason(of job: JobRecord) -> WaitingReason? {
        guard let first = job.waitsFor.first else { return nil }
        let more = job.waitsFor.count > 1 ? " and \(job.waitsFor.count - 1) more" : ""
        return WaitingReason(.waitsForJobs, "it comes after \(first)\(more)")
    }
}
