internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker drain`.
struct WorkerDrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have workers take no new jobs; what runs there goes on.",
        discussion: """
            Before maintenance: when `shunt worker ls` shows no job there, nothing is lost by it.

            Example:
              shunt worker drain gpu-1
            """)

    @Argument(help: "Workers, `local` among them.")
    var names: [String]

    func run() async throws { try await WorkerDrain.perform(names, drains: true) }
}

/// `shunt worker resume`.
struct WorkerResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Have workers that were drained take jobs again.",
        discussion: """
            Example:
              shunt worker resume gpu-1
            """)

    @Argument(help: "Workers, `local` among them.")
    var names: [String]

    func run() async throws { try await WorkerDrain.perform(names, drains: false) }
}

private enum WorkerDrain {
    /// All names are looked at before anything is changed.
    static func perform(_ texts: [String], drains: Bool) async throws {
        let session = try ShuntSession.open()
        var workers: [WorkerName] = []
        for text in texts {
            guard let name = WorkerName(text) else {
                throw ShuntError(
                    .notFound, "there is no worker `\(Quoting.visible(text))`",
                    hint: "shunt worker ls")
            }
            workers.append(try await session.worker(name).name)
        }
        for worker in workers {
            try await session.connection.drain(worker, drains)
            try StandardStream.printData("\(worker)\n")
        }
    }
}
