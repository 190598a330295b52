internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt logs`.
struct JobLogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a job wrote.",
        discussion: """
            The job's standard output goes to standard output and its standard error to standard \
            error, byte for byte.

            Example:
              shunt logs -f --tail 20 7f3k2a
            """)

    @Flag(name: [.short, .long], help: "Go on until the job is over.")
    var follow = false

    @Option(help: ArgumentHelp("Begin with the last lines.", valueName: "lines"))
    var tail: Int?

    @Flag(name: .customLong("stdout"), help: "Only standard output.")
    var onlyOutput = false

    @Flag(name: .customLong("stderr"), help: "Only standard error.")
    var onlyError = false

    @Argument(help: "An ID, a unique prefix of one, or a name.")
    var job: String

    func validate() throws {
        if let tail, tail < 0 { throw ValidationError("`--tail` wants a number of lines") }
    }

    func run() async throws {
        let reference = try JobReference(job)
        var streams: Set<LogStream> = [.standardOutput, .standardError]
        if onlyOutput != onlyError {
            streams = onlyOutput ? [.standardOutput] : [.standardError]
        }
        let printer = LogPrinter(streams: streams, progress: ProgressDisplay(mode: .quiet))
        let session = try ShuntSession.open()
        // A name may come to mean a later job while we follow: the ID is kept.
        let id = JobReference(try await session.connection.job(reference).id)
        var start = LogOffset(offset: 0)
        if let tail {
            start = try await session.connection.logTail(
                of: id, lines: tail, stream: streams.count == 1 ? streams.first : nil)
        }
        try await LogFollower(connection: session.connection, job: id, printer: printer)
            .follow(from: start, waits: follow)
        var view = try await session.connection.job(id)
        // The log is whole a moment before the job is over.
        while follow, !view.state.isTerminal {
            view = try await session.connection.job(
                id, after: view.version, wait: APIPath.longestWait)
        }
        // What was lost at the very end is in no record of the log.
        for warning in view.warnings {
            StandardStream.printNotice("shunt: \(Quoting.visible(warning))")
        }
    }
}
