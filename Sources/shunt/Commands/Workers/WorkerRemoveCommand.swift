internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker rm`.
struct WorkerRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Forget a worker; with --purge also remove what was put on it.",
        discussion: """
            Refused while jobs are not over there. `--purge` ends the agent and removes its \
            directory with everything that is in it; with `--lost` it kills what runs there.

            Example:
              shunt worker rm gpu-1 --purge
            """)

    @Argument(help: "The worker.")
    var name: String

    @Flag(help: "Remove the agent and its directory from the machine.")
    var purge = false

    @Flag(help: "Give up what is only there: jobs that are not over, outputs not pulled.")
    var lost = false

    func run() async throws {
        guard let name = WorkerName(name) else {
            throw ShuntError(
                .notFound, "there is no worker `\(Quoting.visible(name))`", hint: "shunt worker ls")
        }
        let progress = ProgressDisplay.forStandardError(quiet: false)
        defer { progress.clear() }
        let worker = try await ShuntSession.with { session in
            let worker = try await session.worker(name)
            let removal = WorkerRemoval(session: session, progress: progress, worker: worker)
            // First what may fail: a worker that is still known can be removed again.
            if purge { try await removal.purge(givesUp: lost) }
            if lost { try await cancelQueued(session) }
            try await session.connection.removeWorker(name, declaresLost: lost)
            return worker
        }
        progress.clear()
        if !purge, let address = worker.address {
            StandardStream.printNotice(
                "shunt: the agent stays in `\(worker.directory)` at `\(address)`, with logs"
                    + (lost ? " and with what runs there" : ""))
        }
        try StandardStream.printData("\(name)\n")
    }
}

extension WorkerRemoveCommand {
    /// Jobs that no other worker may run would wait for ever.
    private func cancelQueued(_ session: ShuntSession) async throws {
        for job in try await session.connection.jobs(all: false)
        where job.state == .queued && job.spec.placement == WorkerName(name).map({ .worker($0) }) {
            try await session.connection.cancel(JobReference(job.id))
        }
    }
}

extension ShuntSession {
    /// - Throws: `notFound` for a name that means no worker.
    func worker(_ name: WorkerName) async throws -> WorkerView {
        let workers = try await connection.workers()
        if let worker = workers.first(where: { $0.name == name }) { return worker }
        let known = workers.map { "`\($0.name)`" }.joined(separator: ", ")
        throw ShuntError(
            .notFound, "there is no worker `\(name)`; there is \(known)", hint: "shunt worker ls")
    }
}
