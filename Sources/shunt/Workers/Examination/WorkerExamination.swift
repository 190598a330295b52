internal import CoordinatorClient
internal import JobModel
internal import SSHTransport

/// What one look at a part of a worker found.
struct WorkerFinding: Hashable, Sendable {
    var part: String
    /// What is so, or what is wrong.
    var text: String
    /// How it is mended; `nil` where nothing is wrong.
    var remedy: String?

    var isGood: Bool { remedy == nil }

    static func good(_ part: String, _ text: String) -> WorkerFinding {
        WorkerFinding(part: part, text: text)
    }

    static func bad(_ part: String, _ error: ShuntError) -> WorkerFinding {
        WorkerFinding(
            part: part, text: error.message, remedy: error.hint ?? "shunt worker ls")
    }
}

/// Looks at a worker part by part, from the login to the coordinator's own connection, and says for
/// each what is wrong and how to mend it. Changes nothing but that it starts an agent that is down.
struct WorkerExamination: Sendable {
    let session: ShuntSession
    let progress: ProgressDisplay
    let worker: WorkerView

    /// Less than this fills up with the first job.
    private static let littleSpace = ByteCount.gibibytes(2)
    private static let connectLimit = Milliseconds.seconds(15)
    /// The same where it cannot succeed.
    private static let hopelessLimit = Milliseconds.seconds(1)

    func run() async throws -> [WorkerFinding] {
        var findings: [WorkerFinding] = []
        if let address = worker.address {
            let shell = try RemoteAccess(layout: session.home.layout, progress: progress)
                .shell(to: address)
            let remote = RemoteCommand(
                shell: shell, name: worker.name.text, adding: worker.adding, ssh: address.ssh)
            findings = await examine(remote, address)
            await shell.close()
        }
        progress.update("asking the coordinator")
        let isHopeless = findings.contains { ["login", "agent"].contains($0.part) && !$0.isGood }
        findings.append(
            try await link(within: isHopeless ? Self.hopelessLimit : Self.connectLimit))
        if findings.last?.isGood == true {
            for dataset in worker.datasets { findings.append(await data(dataset)) }
        }
        return findings
    }

    private func data(_ dataset: Dataset) async -> WorkerFinding {
        progress.update("looking at `\(dataset.name)`")
        let place = "\(dataset.name) at \(dataset.path)"
        do {
            let found = try await session.connection.examine(dataset, on: worker.name)
            return .good("data", "\(place), \(DataText.contents(found))")
        } catch {
            let shown = Self.shown(error)
            return .bad(
                "data",
                ShuntError(
                    shown.code, "\(dataset.name): \(shown.message)",
                    hint: "shunt worker data \(worker.name) --rm \(dataset.name)"))
        }
    }

    private func examine(
        _ remote: RemoteCommand, _ address: WorkerAddress
    ) async -> [WorkerFinding] {
        progress.update("connecting to `\(address)`")
        let probe: WorkerProbe
        do {
            probe = try await WorkerInspection(remote: remote).probe(
                directory: worker.directory, makesDirectory: false,
                agents: InstalledAgent.digests())
        } catch {
            return [.bad("login", Self.shown(error))]
        }
        var findings = [
            WorkerFinding.good(
                "login", "\(probe.facts.userName) by \(address.transport.rawValue)")
        ]
        findings.append(directory(probe, remote))
        findings.append(space(probe))
        findings.append(await agent(probe, remote))
        findings.append(python(probe.facts))
        findings.append(.good("packages", WorkerReport.packages(probe.facts)))
        findings.append(containers(probe.facts))
        return findings
    }

    private func directory(_ probe: WorkerProbe, _ remote: RemoteCommand) -> WorkerFinding {
        if probe.isDirectoryMissing {
            return .bad(
                "directory",
                ShuntError(
                    .failed, "`\(worker.directory)` is gone", hint: worker.adding))
        }
        do {
            try WorkerInspection.requireSuitable(probe, name: worker.name, ssh: remote.ssh)
            return .good("directory", probe.directory)
        } catch {
            return .bad("directory", error)
        }
    }

    private func space(_ probe: WorkerProbe) -> WorkerFinding {
        guard let disk = probe.facts.disk else { return .good("space", "unknown") }
        let text = "\(disk.free) free" + (disk.fileSystem.map { " on \($0)" } ?? "")
        guard disk.free < Self.littleSpace else { return .good("space", text) }
        return .bad(
            "space",
            ShuntError(
                .failed, "\(text), which is little",
                hint: "shunt worker rm \(worker.name) --purge  # then add it with --dir elsewhere"))
    }

    private func agent(_ probe: WorkerProbe, _ remote: RemoteCommand) async -> WorkerFinding {
        guard probe.agent == .present else {
            let what =
                switch probe.agent {
                case .damaged: "its program is damaged"
                case .missing, .present:
                    probe.isInstalled ? "it is of another release than this `shunt`" : "it is gone"
                }
            return .bad(
                "agent", ShuntError(.failed, what, hint: worker.adding))
        }
        do {
            let outcome = try await remote.run(
                "exec \(probe.directory)/attach --start", within: .seconds(30))
            if outcome.isSuccess { return .good("agent", "serves") }
            let said = RemoteText.error(in: outcome.diagnostics, ssh: remote.ssh)
            throw ShuntError(
                .failed,
                said?.message ?? RemoteText.lastLine(outcome.diagnostics) ?? "it does not start",
                hint: said?.hint ?? worker.adding)
        } catch {
            return .bad("agent", Self.shown(error))
        }
    }

    private func python(_ facts: WorkerFacts) -> WorkerFinding {
        let own = facts.python.map { $0.version + (facts.hasVenv ? " with venv" : "") }
        if let uv = facts.uv {
            return .good(
                "python", ["uv \(uv.version)", own].compactMap(\.self).joined(separator: ", "))
        }
        if let own, facts.hasVenv { return .good("python", own) }
        return WorkerFinding(
            part: "python",
            text: facts.python == nil
                ? "none: jobs with `environment.python` fail there"
                : "no venv: jobs with `environment.python` fail there",
            remedy: (worker.address.map { $0.ssh + " " } ?? "")
                + "sudo apt-get install python3-venv")
    }

    private func containers(_ facts: WorkerFacts) -> WorkerFinding {
        if let silent = facts.silentEngines?.first, facts.engines.isEmpty {
            return WorkerFinding(
                part: "containers", text: WorkerReport.engines(facts),
                remedy: (worker.address.map { $0.ssh + " " } ?? "") + "\(silent.name) version")
        }
        return .good(
            "containers",
            facts.engines.isEmpty
                ? "no engine: jobs with an `image` are refused there"
                : WorkerReport.engines(facts))
    }

    private func link(within limit: Milliseconds) async throws -> WorkerFinding {
        let view = try await session.connection.connectWorker(
            worker.name, wait: limit)
        if view.connected { return .good("coordinator", "connected") }
        return WorkerFinding(
            part: "coordinator", text: view.link,
            remedy: view.remedy ?? "tail \(session.home.layout.coordinatorLog)")
    }

    private static func shown(_ error: any Error) -> ShuntError {
        error as? ShuntError ?? ShuntError(.failed, "\(error)")
    }
}
