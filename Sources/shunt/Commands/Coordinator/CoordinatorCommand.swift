internal import ArgumentParser
internal import CoordinatorClient
internal import Glibc
internal import JobModel

/// `shunt coordinator`.
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Look after the process that keeps jobs going.",
        discussion: """
            It starts by itself with the first command that needs it.

            Example:
              shunt coordinator status
            """,
        subcommands: [
            CoordinatorStatusCommand.self, CoordinatorStopCommand.self,
            CoordinatorServeCommand.self,
        ])
}

/// `shunt coordinator status`: never starts one.
struct CoordinatorStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say whether a coordinator runs, and what it has to do.",
        discussion: """
            Ends with 4 where none runs.

            Example:
              shunt coordinator status -o json
            """)

    @Option(name: [.short, .long], help: "table or json.")
    var output = PlainOutputFormat.table

    func run() async throws {
        let status = try await ShuntSession.open(startsCoordinator: false).connection.status()
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(status))
        case .table: try StandardStream.printData(Self.render(status))
        }
    }

    static func render(_ status: CoordinatorStatus) -> String {
        TextTable.pairs([
            ("coordinator", "\(status.id)"), ("pid", "\(status.pid)"),
            ("release", Quoting.visible(status.release)), ("epoch", "\(status.epoch)"),
            ("started", "\(status.startedAt)"), ("home", Quoting.visible(status.home)),
            ("queued", "\(status.queuedJobs)"), ("active", "\(status.activeJobs)"),
        ])
    }
}

/// `shunt coordinator stop`: jobs run on, and the next coordinator finds them.
struct CoordinatorStopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "End the coordinator; jobs that run, run on.",
        discussion: """
            Returns when it has ended, and where no job lives the local worker's agent too. The \
            next command that needs a coordinator starts one, which finds the jobs again.

            Example:
              shunt coordinator stop
            """)

    func run() async throws {
        let session = try ShuntSession.open(startsCoordinator: false)
        let status = try await session.connection.status()
        do {
            try await session.connection.stop()
        } catch let error as ShuntError where error.code == .unreachable {
            // It may end before its answer is out. Whether it ended is seen by waiting for it.
        }
        try await session.launcher.waitUntilStopped(isAgentNeeded: status.activeJobs > 0)
        if let notice = Self.notice(queued: status.queuedJobs) {
            StandardStream.printNotice("shunt: \(notice)")
        }
        // Only an empty directory goes; sockets of agents that run on keep it.
        _ = rmdir(session.home.layout.runtimeDirectory)
    }

    /// Jobs that have a worker run on; those that wait for one wait for the next coordinator too.
    static func notice(queued count: Int) -> String? {
        switch count {
        case 0: nil
        case 1: "1 job is queued and starts only once a coordinator runs again: shunt ps"
        default: "\(count) jobs are queued and start only once a coordinator runs again: shunt ps"
        }
    }
}
