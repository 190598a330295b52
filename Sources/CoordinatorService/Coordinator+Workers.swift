internal import JobModel
internal import Transfer

/// What the HTTP API asks about workers.
extension Coordinator {
    func workers() async throws -> [WorkerView] {
        try await read { turn in turn.core.workerViews(at: turn.now.wall) }
    }

    func putWorker(_ record: WorkerRecord) async throws {
        try await ask { .event(.putWorker(record, $0)) }
    }

    /// Declares what lies on a worker, or takes it back.
    func changeDatasets(_ change: DatasetChange, on name: WorkerName) async throws {
        for dataset in change.put {
            guard Dataset.isPath(dataset.path), dataset.labels.count <= DataLimits.labels else {
                throw ShuntError(
                    .usage, "`\(dataset.path)` is no absolute path of a dataset",
                    hint: "shunt worker data --help")
            }
        }
        guard Set(change.put.map(\.name)).count == change.put.count else {
            throw ShuntError(
                .usage, "a dataset is declared twice", hint: "shunt worker data \(name)")
        }
        try await ask { .event(.changeDatasets(name, change, $0)) }
    }

    /// What lies at a path of a worker.
    func examineData(on name: WorkerName, at path: String) async throws -> DataFingerprint {
        try await connected(name).withBulk { try await $0.examineData(at: path) }
    }

    func drainWorker(_ name: WorkerName, _ drains: Bool) async throws {
        try await ask { .event(.drain(name, drains, $0)) }
    }

    func removeWorker(_ name: WorkerName, declaresLost: Bool) async throws {
        try await ask { .event(.removeWorker(name, declaresLost: declaresLost, $0)) }
    }

    /// Tries at once to reach a worker that is not connected, again and again unless a person is
    /// needed.
    ///
    /// - Parameter wait: for the outcome.
    func connectWorker(_ name: WorkerName, wait: Milliseconds) async throws -> WorkerView {
        let first = try await read { $0.core.worker(name)?.session ?? 0 }
        ports.link(name)?.hurry()
        let deadline = SteadyTime.current + wait
        while true {
            let (view, session) = try await read { turn in
                guard let state = turn.core.worker(name),
                    let view = turn.core.workerViews(at: turn.now.wall)
                        .first(where: { $0.name == name })
                else { throw turn.core.unknownWorker(name) }
                return (view, state.session)
            }
            // The beginning of a try makes it odd, and the end even; one that had begun already
            // counts as well.
            let hasTried = session > first && session.isMultiple(of: 2)
            let isHopeless = view.remedy != nil && hasTried
            if view.connected || isHopeless || SteadyTime.current >= deadline { return view }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Asks a worker about the environments that it has built.
    func environments(
        of name: WorkerName, _ request: EnvironmentRequest
    ) async throws -> [EnvironmentView] {
        try await connected(name).withBulk { try await $0.environments(request) }
    }

    private func connected(_ name: WorkerName) async throws -> WorkerLink {
        let view = try await connectWorker(name, wait: Self.patience)
        guard view.connected, let link = ports.link(name) else {
            throw ShuntError(
                .unreachable, "the worker `\(name)` is not connected: \(view.link)",
                hint: "shunt worker check \(name)")
        }
        return link
    }

    private static let patience = Milliseconds.seconds(10)
}
