internal import ArgumentParser
internal import ContentStore
internal import CoordinatorClient
internal import Glibc
internal import JobModel

/// `shunt worker apply`.
struct WorkerApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Add or upgrade every worker of an inventory file.",
        discussion: """
            A worker that cannot be added is reported, and the others are added all the same. \
            Workers that are not in the file stay as they are.

            Example:
              shunt worker apply -f inventory.yaml
            """)

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp("The inventory.", valueName: "inventory.yaml"))
    var file: String

    func run() async throws {
        let path = RawPath(file)
        guard access(file, F_OK) == 0 else {
            throw ShuntError(
                .usage, "there is no `\(Quoting.visible(file))`", hint: "shunt worker apply --help")
        }
        let workers = try InventoryReader.read(
            try SmallFile.read(path, limit: JobFileLimits.bytes), name: file,
            configurationFile: try WorkerFields.configurationFile())
        let progress = ProgressDisplay.forStandardError(quiet: false)
        defer { progress.clear() }
        let session = try ShuntSession.open()
        var failures: [(name: WorkerName, error: ShuntError)] = []
        for worker in workers {
            do {
                let view = try await WorkerEnrolment(
                    session: session, progress: progress, description: worker
                ).run()
                try WorkerAddCommand.requireConnected(view)
                for dataset in worker.datasets {
                    _ = try await view.examine(dataset, over: session)
                }
                if !worker.datasets.isEmpty {
                    try await session.connection.changeDatasets(
                        DatasetChange(put: worker.datasets), on: worker.name)
                }
            } catch let error as ShuntError {
                progress.clear()
                failures.append((worker.name, error))
            }
        }
        try await report(session, failures, of: workers)
    }

    private func report(
        _ session: ShuntSession, _ failures: [(name: WorkerName, error: ShuntError)],
        of workers: [WorkerDescription]
    ) async throws {
        let known = try await session.connection.workers()
        let names = Set(workers.map(\.name))
        let listed = known.filter { names.contains($0.name) }
        if !listed.isEmpty { try StandardStream.printData(WorkerTable.render(listed)) }
        let others = known.filter { $0.address != nil && !names.contains($0.name) }
        if !others.isEmpty {
            let list = others.map(\.name.text).joined(separator: ", ")
            StandardStream.printNotice("shunt: not in the file, and left as they are: \(list)")
        }
        guard let first = failures.first else { return }
        let list = failures.map { "`\($0.name)`: \($0.error.message)" }.joined(separator: "; ")
        throw ShuntError(first.error.code, list, hint: first.error.hint)
    }
}
