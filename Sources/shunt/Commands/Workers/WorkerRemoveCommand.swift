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
        let session = try ShuntSession.open()
        let worker = try await session.worker(name)
        let held = try await session.connection.jobs(all: true).filter {
            $0.worker == name && ($0.outputsFetch == .held || $0.outputsFetch == .fetching)
        }
        let removal = WorkerRemoval(session: session, progress: progress, worker: worker)
        let jobs: Int
        if purge {
            jobs = try await Interruption.finishing(
                onFirst: {
                    progress.warn(
                        "the removal goes on to its end; a second signal leaves it half done, and "
                            + "then `\(worker.adding) && shunt worker rm \(name) --purge` ends it")
                },
                onEnd: { progress.clear() },
                { try await removal.purge(givesUp: lost) })
        } else {
            jobs = 0
            try await session.connection.removeWorker(name, declaresLost: lost)
        }
        progress.clear()
        if jobs > 0 {
            StandardStream.printNotice(
                "shunt: the logs of \(jobs == 1 ? "1 job" : "\(jobs) jobs") went with it")
        }
        if !purge, !held.isEmpty {
            let list = held.prefix(5).map(\.id.text).joined(separator: " ")
            StandardStream.printNotice(
                "shunt: warning: outputs of \(list) are only there; `\(worker.adding)` brings them "
                    + "within reach again")
        }
        if !purge, let address = worker.address {
            StandardStream.printNotice(
                "shunt: the agent stays in `\(worker.directory)` at `\(address)`, with logs"
                    + (lost ? " and with what runs there" : ""))
        }
        try StandardStream.printData("\(name)\n")
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
