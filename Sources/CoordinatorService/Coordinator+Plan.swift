internal import JobModel
internal import Transfer

/// What a submission would do.
extension Coordinator {
    func plan(_ request: PlanRequest) async throws -> PlanView {
        let submission = SubmitRequest(
            clientKey: "plan", spec: request.spec, inputs: request.inputs, confirmed: false)
        try submission.validate()
        let (worker, waiting) = try await outlook(for: submission)
        var plan = PlanView(
            worker: worker, waiting: waiting, missing: request.inputs.totalSize,
            environmentCached: nil)
        guard let worker, let link = ports.link(worker) else { return plan }
        let requirements = request.spec.python?.requirementsDigest
        do {
            (plan.missing, plan.environmentCached) = try await link.withBulk { client in
                let missing = try await link.content.missing(request.inputs.tree, over: client)
                guard let requirements else { return (missing, nil) }
                return (missing, try await client.hasEnvironment(requirements))
            }
        } catch let error as ShuntError where error.code == .unreachable {
            // The worker cannot be asked; the plan then counts everything as missing.
        }
        return plan
    }

    /// Where the job would go. A coordinator that has only just started gives its workers a moment
    /// to connect first: before that, every one of them would seem out of reach.
    private func outlook(
        for submission: SubmitRequest
    ) async throws -> (worker: WorkerName?, waiting: WaitingReason?) {
        while true {
            let outlook = try await read { turn in
                if let error = turn.core.refusal(of: submission) { throw error }
                return turn.core.outlook(for: submission.spec, at: turn.now.wall)
            }
            let age = WallTime.current.milliseconds - identity.startedAt.milliseconds
            guard outlook.waiting?.code == .workerUnreachable,
                (0..<Self.firstConnection.count).contains(age)
            else { return outlook }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static let firstConnection = Milliseconds.seconds(3)
}
