internal import JobModel

/// What the HTTP API asks about workers.
extension Coordinator {
    func workers() async throws -> [WorkerView] {
        try await read { turn in turn.core.workerViews(at: turn.now.wall) }
    }

    func putWorker(_ record: WorkerRecord) async throws {
        try await ask { .event(.putWorker(record, $0)) }
    }

    func removeWorker(_ name: WorkerName, declaresLost: Bool) async throws {
        try await ask { .event(.removeWorker(name, declaresLost: declaresLost, $0)) }
    }

    /// Tries at once to reach a worker that is not connected.
    ///
    /// - Parameter wait: for the outcome. That a person is needed is one too.
    func connectWorker(_ name: WorkerName, wait: Milliseconds) async throws -> WorkerView {
        let link = ports.link(name)
        let endings = link?.endingCount ?? 0
        link?.hurry()
        let deadline = SteadyTime.current + wait
        while true {
            let view = try await read { turn in
                guard
                    let view = turn.core.workerViews(at: turn.now.wall)
                        .first(where: { $0.name == name })
                else { throw turn.core.unknownWorker(name) }
                return view
            }
            let hasTried = (link?.endingCount ?? 0) > endings
            if view.connected || (hasTried && view.link.hasPrefix("needs login"))
                || SteadyTime.current >= deadline
            {
                return view
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
