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
                    try await session.connection.cancel(JobReference(job), immediately: now)
                    try StandardStream.printData(job + "\n")
                } catch let error as ShuntError {
                    failures.append(error)
                }
            }
        }
        guard let first = failures.first else { return }
        let messages = failures.map(\.message).joined(separator: "; ")
        throw ShuntError(first.code, messages, hint: first.hint)
    }
}
