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
            error, byte for byte. Of a job of several nodes the lines of all stand behind their \
            ranks; --rank picks one, whose output is printed as it is.

            Example:
              shunt logs -f --tail 20 7f3k2a
            """)

    @Flag(name: [.short, .long], help: "Go on until the job is over.")
    var follow = false

    @Option(help: ArgumentHelp("Begin with the last lines.", valueName: "lines"))
    var tail: Int?

    @Option(help: ArgumentHelp("Only this node of the job.", valueName: "rank"))
    var rank: Int?

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
        let session = try ShuntSession.open()
        // A name may come to mean a later job while we follow: the ID is kept.
        let job = try await session.connection.job(reference)
        let id = JobReference(job.id)
        if rank != nil || job.spec.nodeCount == 1 {
            let follower = LogFollower(
                connection: session.connection, job: id, rank: rank ?? 0,
                printer: LogPrinter(streams: streams, progress: ProgressDisplay(mode: .quiet)))
            try await follower.follow(
                from: try await start(of: rank ?? 0, id, session, streams), waits: follow)
        } else {
            let progress = ProgressDisplay(mode: .quiet)
            let gang = GangLogFollower(
                connection: session.connection, job: id, count: job.spec.nodeCount,
                printer: { LogPrinter(streams: streams, rank: $0, progress: progress) })
            var starts: [LogOffset] = []
            for rank in 0..<job.spec.nodeCount {
                starts.append(try await start(of: rank, id, session, streams))
            }
            try await gang.follow(from: starts, waits: follow)
        }
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

    /// Where the log of a rank is printed from.
    private func start(
        of rank: Int, _ job: JobReference, _ session: ShuntSession, _ streams: Set<LogStream>
    ) async throws -> LogOffset {
        guard let tail else { return LogOffset(offset: 0) }
        return try await session.connection.logTail(
            of: job, rank: rank, lines: tail, stream: streams.count == 1 ? streams.first : nil)
    }
}
