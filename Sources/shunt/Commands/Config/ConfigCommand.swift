internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show and change what holds for every command.",
        discussion: """
            Settings:
              default_worker   where a job goes that names no worker: a name, or `any`
              never            labels of data, each with labels of workers where it must never
                               go: '{private: rented}'

            Example:
              shunt config set default_worker any
            """,
        subcommands: [
            ConfigListCommand.self, ConfigGetCommand.self, ConfigSetCommand.self,
            ConfigUnsetCommand.self,
        ])
}

/// `shunt config ls`.
struct ConfigListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List what is set.",
        discussion: """
            Example:
              shunt config ls
            """)

    func run() async throws {
        let settings = try ConfigurationFile(layout: HomeDirectory.open().layout).read()
        let rows = Configuration.Key.allCases.compactMap { key in
            settings.text(key).map { (key.rawValue, $0) }
        }
        try StandardStream.printData(TextTable.pairs(rows))
    }
}

/// `shunt config get`.
struct ConfigGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print one setting.",
        discussion: """
            Ends with 3 where it is not set.

            Example:
              shunt config get default_worker
            """)

    @Argument(help: "The setting.")
    var key: String

    func run() async throws {
        let key = try Configuration.Key(named: key)
        let settings = try ConfigurationFile(layout: HomeDirectory.open().layout).read()
        guard let text = settings.text(key) else {
            throw ShuntError(
                .notFound, "`\(key.rawValue)` is not set",
                hint: "shunt config set \(key.rawValue) \(key.example)")
        }
        try StandardStream.printData(text + "\n")
    }
}

/// `shunt config set`.
struct ConfigSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set something for every command from now on.",
        discussion: """
            Example:
              shunt config set default_worker gpu-1
            """)

    @Argument(help: "The setting.")
    var key: String

    @Argument(help: "Its value.")
    var value: String

    func run() async throws {
        let key = try Configuration.Key(named: key)
        var checked = Configuration()
        do throws(FieldError) {
            try checked.set(key, value)
        } catch {
            throw ShuntError(
                .usage, "`\(key.rawValue)` \(error.problem)",
                hint: "shunt config set \(key.rawValue) \(error.example)")
        }
        let session = try ShuntSession.open()
        if case .worker(let name)? = checked.defaultWorker {
            _ = try await session.worker(name)
        }
        try ConfigurationFile(layout: session.home.layout).set(key, checked.text(key) ?? value)
        try await session.connection.configurationChanged()
    }
}

/// `shunt config unset`.
struct ConfigUnsetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unset",
        abstract: "Take a setting back.",
        discussion: """
            Example:
              shunt config unset default_worker
            """)

    @Argument(help: "The setting.")
    var key: String

    func run() async throws {
        let key = try Configuration.Key(named: key)
        let session = try ShuntSession.open()
        try ConfigurationFile(layout: session.home.layout).set(key, nil)
        try await session.connection.configurationChanged()
    }
}
