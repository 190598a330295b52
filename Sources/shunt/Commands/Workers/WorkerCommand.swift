internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker`.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Look after the machines that jobs run on.",
        discussion: """
            Example:
              shunt worker add gpu-1 ada@gpu-1.example.org
            """,
        subcommands: [
            WorkerAddCommand.self, WorkerListCommand.self, WorkerCheckCommand.self,
            WorkerRemoveCommand.self, WorkerDrainCommand.self, WorkerResumeCommand.self,
            WorkerApplyCommand.self, WorkerDataCommand.self,
        ])
}

/// `shunt worker ls`.
struct WorkerListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List workers with what they have and what is in use.",
        discussion: """
            Example:
              shunt worker ls -o json
            """)

    @Option(name: [.short, .long], help: "table or json.")
    var output = PlainOutputFormat.table

    func run() async throws {
        let workers = try await ShuntSession.open().connection.workers()
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(workers))
        case .table: try StandardStream.printData(WorkerTable.render(workers))
        }
    }
}

/// `shunt worker ls` for people.
enum WorkerTable {
    static func render(_ workers: [WorkerView]) -> String {
        TextTable.render(
            header: ["NAME", "JOBS", "CPUS", "MEMORY", "PLATFORM", "LINK"],
            rows: workers.map { worker in
                [
                    worker.name.text, "\(worker.runningJobs)",
                    share(worker) { JobTable.milliText($0.milliCPUs) },
                    share(worker) { "\($0.memory)" },
                    worker.platform.map { Quoting.visible("\($0.system) \($0.architecture)") }
                        ?? "-",
                    // Last, since it may be a sentence.
                    Quoting.visible(worker.link) + (worker.drained ? ", drained" : ""),
                ]
            })
    }

    /// `1.5 of 8`.
    private static func share(
        _ worker: WorkerView, _ amount: (Resources) -> String
    ) -> String {
        guard let capacity = worker.capacity else { return "-" }
        guard let inUse = worker.inUse else { return amount(capacity) }
        return amount(inUse) + " of " + amount(capacity)
    }
}
