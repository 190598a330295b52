internal import ArgumentParser
internal import CoordinatorClient
internal import JobModel

/// `shunt worker check`.
struct WorkerCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is wrong with a worker, and how to mend it.",
        discussion: """
            Looks at the login, the agent and its directory, and at the coordinator's connection; \
            changes nothing but that it starts an agent that is down. Ends with 1 where something \
            is wrong.

            Example:
              shunt worker check gpu-1
            """)

    @Argument(help: "The worker.")
    var name: String

    func run() async throws {
        guard let name = WorkerName(name) else {
            throw ShuntError(
                .notFound, "there is no worker `\(Quoting.visible(name))`", hint: "shunt worker ls")
        }
        let progress = ProgressDisplay.forStandardError(quiet: false)
        defer { progress.clear() }
        let session = try ShuntSession.open()
        let findings = try await WorkerExamination(
            session: session, progress: progress, worker: try await session.worker(name)
        ).run()
        progress.clear()
        try StandardStream.printData(Self.render(findings))
        if findings.contains(where: { $0.remedy != nil }) {
            throw ProgramExit(code: ShuntError.Code.failed.exitCode)
        }
    }

    static func render(_ findings: [WorkerFinding]) -> String {
        var rows: [(String, String)] = []
        for finding in findings {
            let mark = finding.remedy == nil ? "ok" : "wrong"
            rows.append((finding.part, "\(mark): \(Quoting.visible(finding.text))"))
            if let remedy = finding.remedy { rows.append(("", "hint: \(Quoting.visible(remedy))")) }
        }
        return TextTable.pairs(rows)
    }
}
