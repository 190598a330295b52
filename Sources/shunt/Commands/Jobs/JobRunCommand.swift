internal import ArgumentParser
internal import JobModel

/// `shunt run`: the command that the others are details of.
struct JobRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a command on a worker as if it ran here.",
        discussion: """
            Freezes the directory, sends what the worker lacks, runs the command, prints its \
            output as it comes, and puts the files that it wrote back into the directory. Ends \
            with the command's exit code, or 125 where shunt itself failed.

            Ctrl-C sends SIGINT to the job; a second one within 3 seconds cancels it. Closing the \
            terminal, or the pipe that reads the output, leaves the job running.

            Example:
              shunt run -- python train.py --epochs 10
              shunt run -f job.yaml --cpus 4 -e EPOCHS=20

            A job file (job.yaml):
              name: digits
              run: python train.py              # or a list: [python, train.py]
              workdir: src                      # where the command runs
              env: {EPOCHS: 10}
              secrets: [HF_TOKEN, {WANDB_API_KEY: ~/.wandb-key}]  # a variable here, or a file
              resources: {cpus: 2, memory: 8GiB}
              environment: {python: requirements.txt}
              image: python:3.11-slim           # in its place: a container
              outputs: [src/model.joblib, "src/results/*.csv"]  # as seen from the file
              max_duration: 1h30m
              on: local
              pull_limit: 1GiB                  # larger outputs wait for `shunt pull`
            """)

    @Flag(name: [.short, .long], help: "Submit only, and print the job's ID.")
    var detach = false

    @Flag(help: "Leave the outputs where they are.")
    var noPull = false

    @OptionGroup var options: SubmissionOptions

    func run() async throws {
        guard let command = try CommandWords.command(of: options, subcommand: "run") else {
            throw CleanExit.helpRequest(self)
        }
        try await Submission(
            options: options, command: command.words, subcommand: "run", detaches: detach,
            pulls: !noPull
        ).perform()
    }
}

/// `shunt submit`: `run -d` by another name.
struct JobSubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a job and print its ID.",
        discussion: """
            Returns as soon as the job is durable. Its output is shown by `shunt logs -f`, its \
            files are fetched by `shunt pull`.

            Example:
              id=$(shunt submit -- python train.py) && shunt logs -f "$id"
            """)

    @Flag(name: [.short, .long], help: .hidden)
    var detach = false

    @Flag(help: .hidden)
    var noPull = false

    @OptionGroup var options: SubmissionOptions

    func run() async throws {
        guard let command = try CommandWords.command(of: options, subcommand: "submit") else {
            throw CleanExit.helpRequest(self)
        }
        try await Submission(
            options: options, command: command.words, subcommand: "submit", detaches: true,
            pulls: false
        ).perform()
    }
}

extension CommandWords {
    /// COMMAND, or its absence.
    struct Given {
        /// `nil` where there was no COMMAND.
        var words: [String]?
    }

    /// - Returns: `nil` where help was asked for.
    static func command(
        of options: SubmissionOptions, subcommand: String
    ) throws(ShuntError) -> Given? {
        switch try read(options.command, of: subcommand) {
        case .command(let words): Given(words: words)
        case .none: Given(words: nil)
        case .help: nil
        }
    }
}
