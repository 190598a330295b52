internal import ByteStream
internal import ContentStore
internal import JobModel
internal import Transfer

/// What a submission would do.
extension Coordinator {
    func plan(_ request: PlanRequest) async throws -> PlanView {
        await followRules()
        let submission = SubmitRequest(
            clientKey: "plan", spec: request.spec,
            inputs: try await labelled(request.inputs, of: request.spec),
            confirmed: false)
        try submission.validate()
        let (workers, waiting) = try await outlook(for: submission)
        var plan = PlanView(
            worker: workers.first, waiting: waiting, missing: request.inputs.totalSize,
            environmentCached: nil)
        if request.spec.needsHolder, let software = request.spec.software {
            (plan.holders, plan.environmentRefusal) = try await holders(of: software, submission)
            // Only those are asked for when the job is submitted.
            plan.worker = plan.holders?.first
            plan.waiting = nil
        } else if request.spec.placement.isChoice, waiting == nil {
            plan.worker = try await nearest(to: submission) ?? plan.worker
        }
        if request.spec.nodeCount > 1 {
            return try await ofGang(plan, submission, placed: workers)
        }
        do {
            guard let worker = plan.worker, let link = ports.link(worker) else {
                return try await allMissing(plan, request.inputs)
            }
            return try await asking(worker) { [plan] in
                try await self.compared(plan, request, over: link)
            }
        } catch let error as ShuntError where error.code == .unreachable {
            // The worker cannot be asked.
            return try await allMissing(plan, request.inputs)
        }
    }

    /// What all workers of a gang lack together.
    private func ofGang(
        _ plan: PlanView, _ submission: SubmitRequest, placed: [WorkerName]
    ) async throws -> PlanView {
        var sum = plan
        var workers = placed
        if let holders = plan.holders {
            var held = submission
            held.spec.placement = JobSpec.PlacementRequest(names: holders)
            (workers, sum.waiting) = try await outlook(for: held)
        }
        sum.workers = workers
        sum.missing = .zero
        let request = PlanRequest(spec: submission.spec, inputs: submission.inputs)
        for name in Set(workers).sorted() {
            guard let link = ports.link(name) else { continue }
            do {
                let one = try await asking(name) {
                    try await self.compared(plan, request, over: link)
                }
                sum.missing += one.missing
                sum.largest = sum.largest.isEmpty ? one.largest : sum.largest
                sum.environmentRefusal = sum.environmentRefusal ?? one.environmentRefusal
                sum.environmentCached =
                    sum.environmentCached == false ? false : one.environmentCached
            } catch let error as ShuntError where error.code == .unreachable {
                sum.missing += submission.inputs.totalSize
            }
        }
        return sum
    }

    private func compared(
        _ plan: PlanView, _ request: PlanRequest, over link: WorkerLink
    ) async throws -> PlanView {
        try await link.withBulk { client in
            var plan = plan
            if let software = request.spec.software {
                switch try await client.availability(of: software) {
                case .cached: plan.environmentCached = true
                case .toBuild: plan.environmentCached = false
                case .unavailable(let error): plan.environmentRefusal = error
                }
            }
            do {
                (plan.missing, plan.largest) = try await link.content.shortfall(
                    request.inputs.tree, over: client)
                if plan.environmentCached == false, let recipe = request.spec.software?.recipe {
                    let lacked = try await link.content.missing(recipe.tree, over: client)
                    plan.missing = plan.missing + lacked
                }
                if let image = request.spec.container?.tree {
                    plan.missing += try await link.content.shortfall(image, over: client).missing
                }
            } catch let error as ShuntError where error.code == .notFound {
                // A dry run stores no tree that could be compared with what the worker has.
            }
            return plan
        }
    }

    /// Counts everything as missing.
    private func allMissing(_ plan: PlanView, _ inputs: JobInputs) async throws -> PlanView {
        var plan = plan
        guard plan.missing > JobLimits.unconfirmedTransfer else { return plan }
        // Every link speaks of the one store of this coordinator, and `local` always has one.
        guard let content = ports.link(.local)?.content else { return plan }
        plan.largest = try await content.largest(of: inputs.tree) { _ in true }
        return plan
    }

    /// Of the workers that could take the job now, the one that lacks least of its tree; of equals
    /// the one that the scheduler would take.
    private func nearest(to request: SubmitRequest) async throws -> WorkerName? {
        let choices = try await read { turn in
            turn.core.choices(for: request.spec, files: request.inputs.labelledFiles)
        }
        let tree = request.inputs.tree
        let missing = await withTaskGroup(of: (Int, ByteCount)?.self) { group in
            for (place, name) in choices.enumerated() {
                guard let link = ports.link(name) else { continue }
                group.addTask {
                    // One that cannot be asked is not the nearest.
                    let count = try? await self.asking(name, atMost: Self.patience) {
                        try await link.withBulk {
                            try await link.content.missing(tree, over: $0)
                        }
                    }
                    return count.map { (place, $0) }
                }
            }
            return await group.reduce(into: []) { list, one in one.map { list.append($0) } }
        }
        return missing.min { ($0.1, $0.0) < ($1.1, $1.0) }.map { choices[$0.0] }
    }

    /// The workers that may take the job and have the environment which it names.
    private func holders(
        of software: SoftwareEnvironment, _ request: SubmitRequest
    ) async throws -> (workers: [WorkerName]?, refusal: ShuntError?) {
        // Of a coordinator that has just been started no link is up yet.
        let meant = try await read { turn in
            turn.core.workers.filter { request.spec.placement.admits($0.name) }.map(\.name)
        }
        await withTaskGroup { group in
            for name in meant {
                // One that cannot be reached is no choice.
                group.addTask { _ = try? await self.connectWorker(name, wait: Self.firstContact) }
            }
        }
        let choices = try await read { turn in
            turn.core.choices(
                for: request.spec, files: request.inputs.labelledFiles, now: false)
        }
        let answers = await withTaskGroup(of: (Int, EnvironmentAvailability)?.self) { group in
            for (place, name) in choices.enumerated() {
                guard let link = ports.link(name) else { continue }
                group.addTask {
                    // One that cannot be asked may have it, and nobody knows.
                    let answer = try? await self.asking(name, atMost: Self.patienceWithShells) {
                        try await link.withBulk { try await $0.availability(of: software) }
                    }
                    return answer.map { (place, $0) }
                }
            }
            return await group.reduce(into: [Int: EnvironmentAvailability]()) { all, one in
                if let one { all[one.0] = one.1 }
            }
        }
        var refusals: [String] = []
        var holders: [WorkerName] = []
        for (place, name) in choices.enumerated() {
            switch answers[place] {
            case .cached, .toBuild: holders.append(name)
            case .unavailable(let error): refusals.append("`\(name)`: \(error.message)")
            case nil: refusals.append("`\(name)` does not answer")
            }
        }
        guard holders.isEmpty else { return (holders, nil) }
        let reasons = refusals.isEmpty ? "none can be asked" : refusals.joined(separator: "; ")
        return (
            nil,
            ShuntError(
                .refused, "no worker is known to have it: \(reasons)", hint: "shunt worker ls")
        )
    }

    private static let firstContact = Milliseconds.seconds(3)

    /// A `module load` line is tried out in a login shell.
    private static let patienceWithShells = Duration.seconds(15)

    /// Asks a worker for as long as it is heard of. One that falls silent may still answer, to
    /// nobody: its stream is closed with its link.
    ///
    /// - Throws: ``ShuntError`` with `unreachable` where it is silent, or not done by the limit.
    private func asking<Answer: Sendable>(
        _ name: WorkerName, atMost limit: Duration? = nil,
        _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let (answers, continuation) = AsyncStream.makeStream(
            of: Result<Answer, any Error>.self, bufferingPolicy: .bufferingOldest(1))
        let question = Task {
            do {
                continuation.yield(.success(try await body()))
            } catch {
                continuation.yield(.failure(error))
            }
        }
        let watch = Task {
            let start = ContinuousClock.now
            while try await self.peek({ $0.core.worker(name)?.link.isConnected ?? false }) {
                if let limit, ContinuousClock.now - start >= limit { break }
                try await Task.sleep(for: Self.lookAtLink)
            }
            continuation.yield(
                .failure(
                    ShuntError(
                        .unreachable, "`\(name)` does not answer at the moment",
                        hint: "shunt worker ls")))
        }
        defer {
            question.cancel()
            watch.cancel()
        }
        for await answer in answers { return try answer.get() }
        throw CancellationError()
    }

    /// For what only one of several workers may say.
    private static let patience = Duration.seconds(3)
    private static let lookAtLink = Duration.milliseconds(250)

    /// Where the job would go. A coordinator that has only just started gives its workers a moment
    /// to connect first: before that, every one of them would seem out of reach.
    private func outlook(
        for submission: SubmitRequest
    ) async throws -> (workers: [WorkerName], waiting: WaitingReason?) {
        while true {
            let outlook = try await read { turn in
                if let error = turn.core.refusal(of: submission) { throw error }
                return turn.core.outlook(
                    for: submission.spec, files: submission.inputs.labelledFiles,
                    at: turn.now.wall)
            }
            let age = WallTime.current.milliseconds - identity.startedAt.milliseconds
            // Of several nodes those that are connected may be too few by now.
            let code = outlook.waiting?.code
            let isEarly = submission.spec.nodeCount > 1 && code == .tooLarge
            guard code == .workerUnreachable || isEarly,
                (0..<Self.firstConnection.count).contains(age)
            else { return outlook }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static let firstConnection = Milliseconds.seconds(3)
}

extension CoordinatorContent {
    /// What the worker lacks of a tree, and where most of it lies if that is more than anybody
    /// sends without being asked.
    fileprivate func shortfall(
        _ tree: TreeReference, over client: BulkClient
    ) async throws -> (missing: ByteCount, largest: [PlanView.Share]) {
        let files = try await client.missingFiles(of: tree, in: store, on: executor)
        let missing = files.totalSize
        guard missing > JobLimits.unconfirmedTransfer else { return (missing, []) }
        let lacked = Set(files.map(\.digest))
        return (missing, try await largest(of: tree) { lacked.contains($0) })
    }

    /// The directories of a tree that hold most of what counts, largest first.
    fileprivate func largest(
        of tree: TreeReference, counting counts: @escaping @Sendable (Digest) -> Bool
    ) async throws -> [PlanView.Share] {
        let shares = try await executor.run { [store] in
            try store.largestDirectories(
                of: tree, top: JobLimits.planDirectories, counting: counts)
        }
        return shares.map {
            PlanView.Share(
                directory: $0.path == .root ? nil : $0.path.description,
                bytes: ByteCount($0.bytes))
        }
    }
}
