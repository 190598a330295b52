internal import ArgumentParser

/// The root of all commands.
struct ShuntCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shunt",
        abstract: "Run a training job on a worker as if it ran here.",
        discussion: """
            Example:
              shunt run -- python train.py
            """,
        version: Release.text,
        subcommands: [
            JobRunCommand.self, JobSubmitCommand.self, JobListCommand.self,
            JobInspectCommand.self, JobWaitCommand.self, JobLogsCommand.self,
            JobCancelCommand.self, JobPullCommand.self, WorkerCommand.self,
            CoordinatorCommand.self,
        ])
}

/// The release of this binary.
enum Release {
    static let text = "0.1.0"
}

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case wide
    case json
}

/// The formats of commands that have no wide table.
enum PlainOutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
}
