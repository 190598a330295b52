internal import ArgumentParser
internal import CoordinatorClient
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
        let channel = StartupChannel(descriptor: startupReport)
        do {
            try await serve(channel)
        } catch let error as ShuntError {
            channel.send(.failed(error))
            throw error
        }
    }

    private func serve(_ channel: StartupChannel) async throws {
        let home = try HomeDirectory.open()
        do {
            try await CoordinatorServer.serve(home: home.layout) { channel.send(.ready) }
        } catch is CoordinatorAlreadyRuns {
            channel.send(.alreadyRunning)
            // Whoever started this one for a command has been told, and the log need not be.
            if startupReport != nil { throw ProgramExit(code: ShuntError.Code.refused.exitCode) }
            throw ShuntError(
                .refused, "another coordinator serves the home `\(home.layout.root)`",
                hint: "shunt coordinator status")
        }
    }
}
