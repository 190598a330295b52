internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker add`.
struct WorkerAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Make a machine that SSH reaches a worker, or upgrade its agent.",
        discussion: """
            HOST may be an alias of your SSH configuration, which says the rest: user, port, keys, \
            jump hosts. Without HOST, NAME is it. The machine needs sshd, a shell and nothing \
            else; all that is put there is one directory.

            Example:
              shunt worker add gpu-1 ada@gpu-1.example.org
              shunt run --on gpu-1 -- python train.py
            """)

    @Argument(help: "How the worker is called from now on.")
    var name: String

    @Argument(help: ArgumentHelp("Where it is.", valueName: "[user@]host[:port]"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "The fingerprint of its host key, for scripts: nothing is asked then.",
            valueName: "SHA256:…"))
    var hostKey: String?

    @Option(help: ArgumentHelp("The agent's directory there, on a local disk.", valueName: "path"))
    var dir: String?

    @Option(help: "libssh, or openssh to have your `ssh` make each connection.")
    var transport: WorkerAddress.Transport?

    @Option(
        name: .customLong("label"), parsing: .singleValue,
        help: ArgumentHelp(
            "What you say of it, beside what was said before.", valueName: "key[=value]"))
    var labels: [String] = []

    @Option(
        name: .customLong("unlabel"), parsing: .singleValue,
        help: ArgumentHelp("What you say of it no more.", valueName: "key"))
    var unlabelled: [String] = []

    func run() async throws {
        let said = try describe()
        let progress = ProgressDisplay.forStandardError(quiet: false)
        defer { progress.clear() }
        let session = try ShuntSession.open()
        let known = try await session.connection.workers().first { $0.name == said.name }
        let description = known.map { keeping($0, in: said) } ?? said
        let view = try await WorkerEnrolment(
            session: session, progress: progress, description: description
        ).run()
        try StandardStream.printData(WorkerReport.render(view))
        try Self.requireConnected(view)
    }

    /// What is not said again of a worker stays as it is.
    private func keeping(
        _ known: WorkerView, in said: WorkerDescription
    ) -> WorkerDescription {
        var description = said
        if let address = known.address {
            if host == nil { description.address = address }
            description.address.transport = transport ?? address.transport
        }
        let said = Set(description.labels.map(\.key) + unlabelled)
        description.labels += known.labels.filter { !said.contains($0.key) }
        return description
    }

    private func describe() throws(ShuntError) -> WorkerDescription {
        let name = try value("NAME", self.name, WorkerFields.name)
        let place = try value("HOST", host ?? self.name, AddressText.parse)
        var description = WorkerDescription(
            name: name,
            address: WorkerAddress(
                destination: place.destination, port: place.port,
                configurationFile: try WorkerFields.configurationFile(),
                transport: transport ?? .libssh))
        if let hostKey {
            description.hostKey = try value("--host-key", hostKey, WorkerFields.hostKey)
        }
        description.directory = dir
        for label in labels {
            description.labels.append(try value("--label", label, WorkerFields.label))
        }
        return description
    }

    private func value<Value>(
        _ what: String, _ text: String, _ rule: (String) throws(FieldError) -> Value
    ) throws(ShuntError) -> Value {
        do throws(FieldError) {
            return try rule(text)
        } catch {
            let flag =
                switch what {
                case "NAME": error.example
                case "HOST": "\(Quoting.forShell(self.name)) \(error.example)"
                default: "\(Quoting.forShell(self.name)) \(what) \(error.example)"
                }
            throw ShuntError(
                .usage, "`\(what)` \(error.problem)", hint: "shunt worker add \(flag)")
        }
    }

    /// The worker is known from now on; what keeps the coordinator from it is to be mended.
    static func requireConnected(_ view: WorkerView) throws(ShuntError) {
        guard !view.connected else { return }
        throw ShuntError(
            .unreachable,
            "`\(view.name)` is set up, and the coordinator cannot reach it: "
                + Quoting.visible(view.link),
            hint: view.remedy ?? "shunt worker check \(view.name)")
    }
}
