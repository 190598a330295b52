internal import ContentStore
internal import CoordinatorClient
internal import JobModel

/// Brings the outputs of a job that is over into a directory.
struct OutputsReceiver: Sendable {
    let session: ShuntSession
    let progress: ProgressDisplay

    /// Outputs up to the job's limit into the directory that it was made of; above the limit only
    /// the command that fetches them is told.
    func receive(_ view: JobView, into directory: RawPath) async throws {
        guard let outputs = view.outputs else { return }
        tellRemarks(outputs)
        guard outputs.fileCount > 0 else { return }
        guard outputs.totalSize <= view.spec.pullLimit, view.outputsFetch != .held else {
            return tellHeld(view, outputs)
        }
        let report = try await receive(
            view, outputs, into: directory, base: view.inputs.tree, patterns: nil)
        tell(report, in: directory)
    }

    /// Fetches the outputs and places them. What the store here has lost of them since they were
    /// fetched is fetched again.
    ///
    /// - Parameters:
    ///   - base: what the directory held when the job was made of it; `nil` for another directory.
    ///   - patterns: `nil` for all outputs.
    func receive(
        _ view: JobView, _ outputs: OutputSummary, into directory: RawPath, base: TreeReference?,
        patterns: [String]?
    ) async throws -> PlacementReport {
        var stale = view
        var lost: ShuntError?
        for attempt in 0..<Self.fetchTries {
            do {
                let fetched = try await fetch(stale)
                return try await place(
                    fetched, outputs, into: directory, base: base, patterns: patterns)
            } catch let error as ShuntError {
                guard error.code == .notFound else {
                    guard let lost else { throw error }
                    throw ShuntError(
                        error.code, "\(lost.message), and \(error.message)", hint: error.hint)
                }
                lost = error
                stale.outputsFetch = .none
                progress.note("fetching outputs again: \(error.message)")
                // A coordinator whose store was taken away notices within seconds.
                if attempt > 0 { try await Task.sleep(for: .seconds(2)) }
            }
        }
        throw ShuntError(
            .failed, lost?.message ?? "the outputs cannot be brought here",
            hint: "shunt inspect \(view.id)")
    }

    private static let fetchTries = 5

    /// Brings the outputs into the coordinator's store, however large they are.
    ///
    /// - Throws: ``ShuntError`` `.unreachable` where its worker does not give them now, `.failed`
    ///   where it has not kept them.
    private func fetch(_ view: JobView) async throws -> JobView {
        let reference = JobReference(view.id)
        let size = view.outputs.map { "\($0.totalSize)" } ?? "nothing"
        progress.update("fetching outputs", detail: size)
        var current = view
        if current.outputsFetch != .fetched {
            current = try await session.connection.fetchOutputs(of: reference)
        }
        while current.outputsFetch == .fetching || current.outputsFetch == .none {
            let link = current.link.map { ", worker is \($0)" } ?? ""
            progress.update("fetching outputs", detail: size + link)
            current = try await session.connection.job(
                reference, after: current.version, wait: APIPath.longestWait)
        }
        progress.clear()
        if current.outputsFetch == .lost {
            throw ShuntError(
                .failed,
                "outputs of job `\(view.id)` are lost: neither this machine nor its worker has all "
                    + "of them whole",
                hint: "shunt inspect \(view.id)")
        }
        guard current.outputsFetch == .fetched else {
            throw ShuntError(
                .unreachable, "the outputs of job `\(view.id)` cannot be fetched now",
                hint: "shunt worker ls")
        }
        return current
    }

    private func place(
        _ view: JobView, _ outputs: OutputSummary, into directory: RawPath, base: TreeReference?,
        patterns: [String]?
    ) async throws -> PlacementReport {
        let store = session.home.layout.storeDirectory
        let label = view.id.text
        return try await Blocking.run {
            let store = try ObjectStore(at: RawPath(store))
            return try store.place(
                PlacementRequest(
                    outputs: try Self.tree(of: view, outputs, in: store), base: base,
                    target: directory, label: label,
                    patterns: try patterns.map { try PathPatterns($0) }))
        }
    }

    /// The outputs as they are placed: those of rank 0, and where all ranks have some, the others'
    /// in directories of their own.
    private static func tree(
        of view: JobView, _ outputs: OutputSummary, in store: ObjectStore
    ) throws -> TreeReference {
        guard view.spec.gang?.outputsFrom == .all, let tasks = view.tasks else {
            return outputs.tree
        }
        return try store.composeTree(
            of: tasks.first?.outputs?.tree,
            beneath: tasks.dropFirst().compactMap { task in
                task.outputs.flatMap { outputs in
                    outputs.fileCount > 0 ? ("rank-\(task.rank)", outputs.tree) : nil
                }
            })
    }

    /// Says what became of the outputs.
    func tell(_ report: PlacementReport, in directory: RawPath) {
        for line in OutputsText.notes(report, directory: directory) { progress.note(line) }
        for line in OutputsText.warnings(report) { progress.warn(line) }
    }

    /// Says what else there is about the outputs.
    func tellRemarks(_ outputs: OutputSummary) {
        if let line = OutputsText.deletions(outputs) { progress.note(line) }
        for warning in outputs.warnings { progress.warn(Quoting.visible(warning)) }
    }

    private func tellHeld(_ view: JobView, _ outputs: OutputSummary) {
        progress.warn(
            "the outputs (\(outputs.totalSize)) stay on the worker, above the limit of "
                + "\(view.spec.pullLimit); fetch them with: shunt pull \(view.id)")
    }
}

/// What became of outputs, in words.
enum OutputsText {
    static func notes(_ report: PlacementReport, directory: RawPath) -> [String] {
        guard !report.placed.isEmpty else { return [] }
        let names = SnapshotText.list(report.placed.map(\.description))
        return ["placed \(names) in \(directory) (\(report.bytes))"]
    }

    /// What is not as it was asked for; told even with `-q`.
    static func warnings(_ report: PlacementReport) -> [String] {
        report.conflicts.map {
            let reason =
                switch $0.cause {
                case .changedHere: "is not what the job began with"
                case .directoryHere: "is a directory, and the job's is not,"
                case .noDirectoryHere: "is no directory, and the job's is,"
                }
            return "`\($0.path)` here \(reason) and stays; the job's version is `\($0.beside)`"
        }
            + report.refused.map { "`\($0)` was not placed: it leads out of the directory" }
    }

    static func deletions(_ outputs: OutputSummary) -> String? {
        guard outputs.deletedCount > 0 else { return nil }
        let names = outputs.deleted.prefix(SnapshotText.namesShown).map { Quoting.visible($0) }
        let rest = outputs.deletedCount - Int64(names.count)
        let list = names.joined(separator: ", ")
        let more = rest > 0 ? " and \(SnapshotText.grouped(rest)) more" : ""
        return "the job deleted \(list)\(more); nothing is deleted here"
    }
}
