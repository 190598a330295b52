internal import ContentStore
internal import CoordinatorClient
internal import Glibc
internal import JobModel

/// The job that a command line and its job file describe, before anything is touched.
struct JobDescription: Sendable {
    let directory: RawPath
    let draft: JobDraft
    let secrets: SecretValues

    /// - Throws: ``ShuntError`` before anything is made of a home that does not exist yet.
    init(options: SubmissionOptions, command: [String]?, subcommand: String) throws {
        let opened = try JobDirectory.open(file: options.file, hasCommand: command != nil)
        draft = try JobDraft(
            flags: options.flags(of: subcommand, command: command), file: opened.file)
        directory = opened.path
        secrets = try SecretValues(draft.secrets, in: directory, subcommand: subcommand)
        try JobDirectory.refuse(directory, HomeDirectory.planned())
    }
}

/// What happens between a description and a job: the directory is frozen, the plan is shown, and
/// where much would be sent, somebody is asked.
struct JobPreparation: Sendable {
    let session: ShuntSession
    let directory: RawPath
    let draft: JobDraft
    let secrets: SecretValues
    let progress: ProgressDisplay

    init(_ job: JobDescription, session: ShuntSession, progress: ProgressDisplay) throws {
        directory = job.directory
        secrets = job.secrets
        var draft = job.draft
        if !draft.hasPlacement {
            let settings = try ConfigurationFile(layout: session.home.layout).read()
            draft.spec.placement = settings.defaultWorker ?? draft.spec.placement
        }
        self.draft = draft
        self.session = session
        self.progress = progress
    }

    /// The request that makes the job.
    func request(options: SubmissionOptions, subcommand: String) async throws -> SubmitRequest {
        let snapshot = try await takeSnapshot(isDryRun: false)
        // A small tree needs no consent, and with `-q` nobody reads the plan.
        let needsPlan = !options.quiet || snapshot.inputs.totalSize > JobLimits.unconfirmedTransfer
        let plan: PlanView? =
            needsPlan ? try await self.plan(for: snapshot) : nil
        for remark in remarks(snapshot) {
            progress.note("\(remark.label): \(remark.text)")
        }
        for gap in snapshot.gaps { progress.warn("not in the job's environment: \(gap)") }
        progress.note(
            PlanText.summary(spec: snapshot.spec, inputs: snapshot.inputs, plan: plan))
        // Another worker may have what this one lacks.
        if let refusal = plan?.environmentRefusal, snapshot.spec.placement != .any {
            let worker = plan?.worker?.text ?? "the worker"
            throw ShuntError(
                refusal.code, "`\(worker)` cannot give the job its environment: \(refusal.message)",
                hint: refusal.hint)
        }
        let consent = TransferConsent(
            isGiven: options.yes, progress: progress, subcommand: subcommand)
        let confirmed = try plan.map { try consent.obtain($0) }
        return SubmitRequest(
            clientKey: ClientKey.draw(), spec: snapshot.spec, inputs: snapshot.inputs,
            confirmed: confirmed ?? options.yes, secrets: secrets.secrets)
    }

    /// The request once more, for a job that never began because the store had lost a part of what
    /// it was made of. What is lost is in the store again by then.
    ///
    /// - Returns: `nil` where the store had lost nothing.
    /// - Throws: ``ShuntError`` where the files are others by now.
    func repetition(of request: SubmitRequest) async throws -> SubmitRequest? {
        progress.update("looking through the store")
        let store = RawPath(session.home.layout.storeDirectory)
        let missing = try await Blocking.run {
            let store = try ObjectStore(at: store)
            let ofRecipe = try request.spec.software?.recipe.map {
                try store.setAsideDamage(in: $0.tree)
            }
            return try (ofRecipe ?? 0)
                + store.setAsideDamage(
                    in: request.inputs.tree, besides: Set(request.inputs.references.map(\.digest)))
        }
        guard missing > 0 else { return nil }
        let snapshot = try await takeSnapshot(isDryRun: false)
        guard snapshot.inputs.tree == request.inputs.tree,
            snapshot.spec.software == request.spec.software
        else {
            throw ShuntError(
                .failed,
                "the job never began: the store had lost some of its files, and those in "
                    + "`\(directory)` are others by now",
                hint: "repeat the command to run them as they are")
        }
        var again = request
        again.clientKey = ClientKey.draw()
        again.inputs = snapshot.inputs
        return again
    }

    /// The plan of a dry run, whole.
    func planText() async throws -> String {
        let snapshot = try await takeSnapshot(isDryRun: true)
        progress.clear()
        let plan = try await plan(for: snapshot)
        return PlanText.render(
            spec: snapshot.spec, inputs: snapshot.inputs, plan: plan,
            remarks: remarks(snapshot) + snapshot.gaps.map { ("not there", $0) })
    }

    private func remarks(_ snapshot: TakenSnapshot) -> [(label: String, text: String)] {
        let ignoreFile = directory.appending(".shuntignore")
        return SnapshotText.remarks(
            snapshot.result,
            hasIgnoreFile: ignoreFile.withCString { access($0, F_OK) } == 0)
    }

    private func takeSnapshot(isDryRun: Bool) async throws -> TakenSnapshot {
        let taker = SnapshotTaker(
            layout: session.home.layout, directory: directory, withheld: secrets.files,
            progress: progress)
        let snapshot = try await taker.take(
            draft, isDryRun: isDryRun, architecture: try await architecture())
        progress.clear()
        if let problem = snapshot.result.cacheProblem {
            progress.note("the next snapshot will read every file again: \(problem.message)")
        }
        return snapshot
    }

    /// Of the worker, where what it needs is fetched here.
    private func architecture() async throws -> String? {
        guard draft.isOffline else { return nil }
        guard case .worker(let name) = draft.spec.placement else {
            throw ShuntError(
                .usage, "`offline` fetches packages for one worker, and the job may go to any",
                hint: "shunt run --help")
        }
        let worker = try await session.worker(name)
        guard let platform = worker.platform else {
            throw ShuntError(
                .unreachable, "the worker `\(name)` has not said yet what machine it is",
                hint: "shunt worker check \(name)")
        }
        return platform.architecture
    }

    private func plan(for snapshot: TakenSnapshot) async throws -> PlanView {
        try await session.connection.plan(
            PlanRequest(spec: snapshot.spec, inputs: snapshot.inputs))
    }
}
