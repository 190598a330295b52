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
        var failures: [ShuntError] = []
        try await ShuntSession.with { session in
            for job in jobs {
                // One job that is not there must not keep the others running.
                do {
                    try await cancel(job, session)
                } catch let error as ShuntError {
                    failures.append(error)
                }
            }
        }
        guard let first = failures.first else { return }
        let messages = failures.map(\.message).joined(separator: "; ")
        throw ShuntError(first.code, messages, hint: first.hint)
    }

    /// Prints the ID of a job that was cancelled; one that is over is not, which is no mistake.
    private func cancel(_ job: String, _ session: ShuntSession) async throws {
        let view = try await session.connection.job(JobReference(job))
        guard !view.state.isTerminal else {
            return StandardStream.printNotice(
                "shunt: job \(view.id) is over: \(view.state.rawValue)")
        }
        try await session.connection.cancel(JobReference(view.id), immediately: now)
        try StandardStream.printData("\(view.id)\n")
    }
}
