internal import ArgumentParser
internal import CoordinatorClient
internal import Glibc
internal import JobModel

/// `shunt coordinator serve`: what the other commands start in the background, in the foreground.
struct CoordinatorServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Be the coordinator, in the foreground.",
        discussion: """
            Other commands start it by themselves; this is for service managers.

            Example:
              shunt coordinator serve
            """)

    @Option(help: .hidden)
    var startupReport: Int32?

    func run() async throws {
        if let startupReport { _ = fcntl(startupReport, F_SETFD, FD_CLOEXEC) }
        do {
            let home = try HomeDirectory.open()
            try await CoordinatorServer.serve(home: home.layout) {
                startupReport.map { StartupReport.ready.write(to: $0) }
            }
        } catch let error as ShuntError {
            startupReport.map { StartupReport.failed(error).write(to: $0) }
            throw error
        }
    }
}
