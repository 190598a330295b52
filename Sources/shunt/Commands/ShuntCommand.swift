internal import ArgumentParser
internal import JobModel

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
            EnvironmentCommand.self, CoordinatorCommand.self, ConfigCommand.self,
        ])
}

/// The names of commands, by the words that lead to them.
struct CommandNames {
    var children: [String: CommandNames] = [:]

    static let all = CommandNames(of: ShuntCommand.self)

    init() {}

    private init(of command: any ParsableCommand.Type) {
        for child in command.configuration.subcommands {
            children[child._commandName] = CommandNames(of: child)
        }
    }
}

/// What `--help` prints, for every command.
enum HelpPages {
    static func all(columns: Int = 100) -> [(words: [String], text: String)] {
        pages(of: ShuntCommand.self, [], columns)
    }

    private static func pages(
        of command: any ParsableCommand.Type, _ parents: [String], _ columns: Int
    ) -> [(words: [String], text: String)] {
        let words = parents + [command._commandName]
        return [(words, ShuntCommand.helpMessage(for: command, columns: columns))]
            + command.configuration.subcommands.flatMap { pages(of: $0, words, columns) }
    }
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
