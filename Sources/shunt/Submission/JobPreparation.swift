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

    /// The jobs that it comes after, as they are called now.
    private func predecessors() async throws -> [JobID] {
        var ids: [JobID] = []
        for text in draft.after {
            let id = try await session.connection.job(JobReference(text)).id
            if !ids.contains(id) { ids.append(id) }
        }
        return ids
    }

    /// The request that makes the job.
    func request(options: SubmissionOptions, subcommand: String) async throws -> SubmitRequest {
        let after = try await predecessors()
        let snapshot = try await takeSnapshot(isDryRun: false)
        // A small tree needs no consent, and with `-q` nobody reads the plan.
        let needsHolder = snapshot.spec.needsHolder
        let needsPlan =
            !options.quiet || snapshot.inputs.totalSize > JobLimits.unconfirmedTransfer
            || needsHolder
        let plan: PlanView? =
            needsPlan ? try await self.plan(for: snapshot) : nil
        for remark in remarks(snapshot) {
            progress.note("\(remark.label): \(remark.text)")
        }
        for gap in snapshot.gaps { progress.warn("not in the job's environment: \(gap)") }
        for warning in snapshot.warnings { progress.warn(warning) }
        progress.note(
            PlanText.summary(spec: snapshot.spec, inputs: snapshot.inputs, plan: plan))
        // Another worker may have what this one lacks.
        if let refusal = plan?.environmentRefusal, !snapshot.spec.placement.isChoice || needsHolder
        {
            let worker = plan?.worker.map { "`\($0)` cannot give the job its environment: " }
            throw ShuntError(
                refusal.code, (worker ?? "") + refusal.message, hint: refusal.hint)
        }
        var spec = snapshot.spec
        spec.after = after
        if needsHolder, let holders = plan?.holders {
            spec.placement = JobSpec.PlacementRequest(names: holders)
        }
        let consent = TransferConsent(
            isGiven: options.yes, progress: progress, subcommand: subcommand)
        let confirmed = try plan.map { try consent.obtain($0) }
        return SubmitRequest(
            clientKey: ClientKey.draw(), spec: spec, inputs: snapshot.inputs,
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
            remarks: remarks(snapshot) + snapshot.gaps.map { ("not there", $0) }
                + snapshot.warnings.map { ("warning", $0) })
    }

    private func remarks(_ snapshot: TakenSnapshot) -> [(label: String, text: String)] {
        let ignoreFile = directory.appending(".shuntignore")
        let ofFiles = SnapshotText.remarks(
            snapshot.result,
            hasIgnoreFile: ignoreFile.withCString { access($0, F_OK) } == 0)
        var worker: WorkerName?
        if case .worker(let name) = draft.spec.placement { worker = name }
        let ofPackages = snapshot.supply?.remark(worker).map { [("packages", $0)] } ?? []
        return ofFiles + ofPackages
    }

    private func takeSnapshot(isDryRun: Bool) async throws -> TakenSnapshot {
        let taker = SnapshotTaker(
            layout: session.home.layout, directory: directory, withheld: secrets.files,
            progress: progress)
        let snapshot = try await taker.take(
            draft, isDryRun: isDryRun, supply: try await supply())
        progress.clear()
        if let problem = snapshot.result.cacheProblem {
            progress.note("the next snapshot will read every file again: \(problem.message)")
        }
        return snapshot
    }

    /// How packages reach the worker: fetched here where that is asked for, and where the worker
    /// has said that it reaches no index.
    private func supply() async throws -> PackageSupply {
        guard case .worker(let name) = draft.spec.placement else {
            guard draft.isOffline != true else {
                throw ShuntError(
                    .usage, "`offline` fetches packages for one worker, and the job may go to any",
                    hint: "shunt run --help")
            }
            return PackageSupply()
        }
        var supply = PackageSupply()
        guard draft.isOffline == true || draft.environment.mayDependOnWorker else { return supply }
        let worker = try await welcomed(name)
        supply.readsProjectLocks =
            worker.tools?.hasUV ?? worker.facts.map { $0.uv != nil } ?? true
        supply.isAskedFor = draft.isOffline == true
        // What this machine does not reach, it cannot fetch for itself.
        guard draft.isOffline ?? (name != .local && worker.reachesOut == false) else {
            return supply
        }
        guard let platform = worker.platform else {
            throw ShuntError(
                .unreachable, "the worker `\(name)` has not said yet what machine it is",
                hint: "shunt worker check \(name)")
        }
        supply.architecture = platform.architecture
        // Of this machine `pip` itself knows best.
        supply.pythons = name == .local ? [] : worker.tools?.pythons ?? []
        supply.python = worker.facts?.python.flatMap { PythonVersion($0.version) }
        return supply
    }

    /// The worker, once its agent has said what it has; as it is known where that takes too long.
    private func welcomed(_ name: WorkerName) async throws -> WorkerView {
        let worker = try await session.worker(name)
        guard worker.tools == nil, worker.facts?.reachesOut == nil else { return worker }
        // A worker that cannot be reached now is shown as it was, and the plan says so.
        let view = try? await session.connection.connectWorker(name, wait: Self.firstWord)
        return view ?? worker
    }

    private static let firstWord = Milliseconds.seconds(3)

    private func plan(for snapshot: TakenSnapshot) async throws -> PlanView {
        try await session.connection.plan(
            PlanRequest(spec: snapshot.spec, inputs: snapshot.inputs))
    }
}
