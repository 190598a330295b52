internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt ps`.
struct JobListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List jobs that wait or run.",
        discussion: """
            Example:
              shunt ps -a -o wide
            """)

    @Flag(name: [.short, .long], help: "Also jobs that are over.")
    var all = false

    @Option(name: [.short, .long], help: "table, wide or json.")
    var output = OutputFormat.table

    func run() async throws {
        let jobs = try await ShuntSession.open().connection.jobs(all: all)
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(jobs))
        case .table, .wide:
            let width = StandardStream.output.isTerminal ? TerminalTraits.width() : nil
            try StandardStream.printData(
                JobTable.render(jobs, isWide: output == .wide, now: .now(), width: width))
        }
    }
}

/// `shunt inspect`.
struct JobInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show all that is known of a job.",
        discussion: """
            Example:
              shunt inspect 7f3k2a -o json | jq .exit_code
            """)

    @Argument(help: "An ID, a unique prefix of one, or a name.")
    var job: String

    @Option(name: [.short, .long], help: "table or json.")
    var output = PlainOutputFormat.table

    func run() async throws {
        let reference = try JobReference(job)
        let view = try await ShuntSession.open().connection.job(reference)
        switch output {
        case .json: try StandardStream.printData(try JSONText.render(view))
        case .table: try StandardStream.printData(JobDetails.render(view, now: .now()))
        }
    }
}

/// `shunt wait`.
struct JobWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until jobs are over, and print their exit codes.",
        discussion: """
            Prints one exit code a line, in the order of the arguments. With --handed-over it \
            waits until the workers have all that they need, says so, and this machine may sleep.

            Example:
              shunt wait 7f3k2a && shunt pull 7f3k2a
            """)

    @Flag(help: "Only until the workers have all that they need of this machine.")
    var handedOver = false

    @Argument(help: "IDs, unique prefixes of them, or names.")
    var jobs: [String]

    func run() async throws {
        let references = try jobs.map { text throws(ShuntError) in try JobReference(text) }
        let session = try ShuntSession.open()
        // A name may come to mean a later job while we wait: the ID is kept.
        var views: [JobView] = []
        for reference in references {
            views.append(try await session.connection.job(reference))
        }
        for view in views {
            var current = view
            while !(current.state.isTerminal || (handedOver && current.handedOver)) {
                current = try await session.connection.job(
                    JobReference(view.id), after: current.version, wait: APIPath.longestWait)
            }
            if handedOver {
                try StandardStream.printData(
                    "\(current.id) \(HandoverText.describe(current))\n")
            } else {
                try StandardStream.printData("\(current.exitCode ?? ExitCodes.ours)\n")
            }
        }
    }
}
