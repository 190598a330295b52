internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt env`.
struct EnvironmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Look after the environments and images that workers keep.",
        discussion: """
            Each is built once and kept for later jobs. The ones that were not used for longest \
            go by themselves when all of them take more than 50 GiB, images likewise. Images that \
            Shunt has not brought are not listed, and stay.

            Example:
              shunt env ls --worker gpu-1
            """,
        subcommands: [EnvironmentListCommand.self, EnvironmentRemoveCommand.self])
}

/// `shunt env ls`.
struct EnvironmentListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the environments and images of all workers, or of one.",
        discussion: """
            Example:
              shunt env ls --worker gpu-1
            """)

    @Option(help: "The worker; all that can be asked unless it is given.")
    var worker: String?

    @Option(name: [.short, .long], help: "table or json.")
    var output = PlainOutputFormat.table

    func run() async throws {
        let session = try ShuntSession.open()
        let found = try await listed(session)
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(found))
        case .table:
            let rows = found.map { one in
                let environment = one.environment
                return [
                    environment.key, one.worker.text, "\(environment.size)",
                    "\(environment.usedAt)", environment.isInUse ? "yes" : "no",
                ]
            }
            try StandardStream.printData(
                TextTable.render(
                    header: ["ENVIRONMENT", "WORKER", "SIZE", "USED", "IN USE"], rows: rows))
        }
    }

    private func listed(_ session: ShuntSession) async throws -> [WorkerEnvironment] {
        if let worker {
            let name = try await session.named(worker)
            return try await session.connection.environments(of: name).map {
                WorkerEnvironment(worker: name, environment: $0)
            }
        }
        var found: [WorkerEnvironment] = []
        for worker in try await session.connection.workers() {
            do {
                found += try await session.connection.environments(of: worker.name).map {
                    WorkerEnvironment(worker: worker.name, environment: $0)
                }
            } catch let error as ShuntError where error.code == .unreachable {
                StandardStream.printNotice("shunt: warning: \(error.message)")
            }
        }
        return found
    }
}

/// A line of `shunt env ls`: the environment, and where it is. In JSON one object.
private struct WorkerEnvironment: Encodable {
    let worker: WorkerName
    let environment: EnvironmentView

    private enum CodingKeys: String, CodingKey {
        case worker
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(worker, forKey: .worker)
        try environment.encode(to: encoder)
    }
}

/// `shunt env rm`.
struct EnvironmentRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove environments and images of a worker; the next job brings them again.",
        discussion: """
            One that a job runs in stays.

            Example:
              shunt env rm --worker gpu-1 py3.11.7-linux-x86_64-0123456789abcdef0123456789abcdef
            """)

    @Option(help: "The worker.")
    var worker = WorkerName.local.text

    @Argument(help: "What `shunt env ls` calls them.")
    var environments: [String]

    func run() async throws {
        let session = try ShuntSession.open()
        let name = try await session.named(worker)
        let known = try await session.connection.environments(of: name).map(\.key)
        for key in environments {
            guard known.contains(key) else {
                throw ShuntError(
                    .notFound,
                    "there is no environment `\(Quoting.visible(key))` on `\(name)`",
                    hint: "shunt env ls")
            }
            for gone in try await session.connection.removeEnvironment(key, of: name) {
                try StandardStream.printData("\(gone.key)\n")
            }
        }
    }
}

extension ShuntSession {
    /// The name of a worker that there is.
    fileprivate func named(_ text: String) async throws -> WorkerName {
        guard let name = WorkerName(text) else {
            throw ShuntError(
                .notFound, "there is no worker `\(Quoting.visible(text))`", hint: "shunt worker ls")
        }
        return try await worker(name).name
    }
}
