internal import JobModel
internal import Transfer

/// What a submission would do.
extension Coordinator {
    func plan(_ request: PlanRequest) async throws -> PlanView {
        let submission = SubmitRequest(
            clientKey: "plan", spec: request.spec, inputs: request.inputs, confirmed: false)
        try submission.validate()
        let (worker, waiting) = try await read { turn in
            if let error = turn.core.refusal(of: submission) { throw error }
            return turn.core.outlook(for: request.spec, at: turn.now.wall)
        }
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
}
