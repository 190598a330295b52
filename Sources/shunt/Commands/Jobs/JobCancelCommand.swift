internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt cancel`.
struct JobCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End jobs with everything that they started.",
        discussion: """
            Sends TERM, and KILL after a grace period of 10 seconds. Returns when the cancel is \
            durable; `shunt wait` waits for the end.

            Example:
              shunt cancel 7f3k2a && shunt wait 7f3k2a
            """)

    @Argument(help: "IDs, unique prefixes of them, or names.")
    var jobs: [String]

    @Flag(help: "KILL at once.")
    var now = false

    func run() async throws {
        let session = try ShuntSession.open()
        for view in try await resolve(session) {
            try await cancel(view, session)
        }
    }

    /// Before anything is cancelled, every word has to mean a job.
    private func resolve(_ session: ShuntSession) async throws -> [JobView] {
        var views: [JobView] = []
        var failures: [ShuntError] = []
        for job in jobs {
            do {
                views.append(try await session.connection.job(JobReference(job)))
            } catch let error as ShuntError {
                failures.append(error)
            }
        }
        guard let first = failures.first else { return views }
        let messages = failures.map(\.message).joined(separator: "; ")
        throw ShuntError(first.code, messages, hint: first.hint)
    }

    /// Prints the ID of a job that was cancelled; one that is over is not, which is no mistake.
    private func cancel(_ view: JobView, _ session: ShuntSession) async throws {
        guard !view.state.isTerminal else {
            return StandardStream.printNotice(
                "shunt: job \(view.id) is over: \(view.state.rawValue)")
        }
        try await session.connection.cancel(JobReference(view.id), immediately: now)
        try StandardStream.printData("\(view.id)\n")
    }
}
