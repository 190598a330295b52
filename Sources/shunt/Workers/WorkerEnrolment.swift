internal import CoordinatorClient
internal import JobModel
internal import SSHTransport

/// Makes a machine that SSH reaches a worker: looks at it, installs the agent, has it serve, and
/// tells the coordinator. Done again, it upgrades the agent; tasks that run go on.
struct WorkerEnrolment: Sendable {
    let session: ShuntSession
    let progress: ProgressDisplay
    let description: WorkerDescription

    private var name: WorkerName { description.name }
    private var address: WorkerAddress { description.address }

    /// For the coordinator's own connection, once the agent serves.
    private static let connectLimit = Milliseconds.seconds(20)
    private static let tidyLimit = Duration.seconds(10)

    func run() async throws -> WorkerView {
        let known = try await session.connection.workers().first { $0.name == name }
        if let directory = description.directory, !RemoteDirectory.accepts(directory) {
            throw ShuntError(
                .usage,
                "`--dir` wants an absolute path of letters, digits and `/._-+@,`, found "
                    + "`\(Quoting.visible(directory))`",
                hint: "shunt worker add \(name) --dir /scratch/shunt-agent")
        }
        let shell = try RemoteAccess(layout: session.home.layout, progress: progress)
            .shell(to: address, hostKey: description.hostKey)
        do {
            let record = try await enrol(
                RemoteCommand(
                    shell: shell, name: name.text, adding: description.adding, ssh: address.ssh),
                known)
            await shell.close()
            try await session.connection.putWorker(record)
        } catch {
            await shell.close()
            throw error
        }
        progress.update("connecting the coordinator to `\(name)`")
        let view = try await session.connection.connectWorker(name, wait: Self.connectLimit)
        progress.clear()
        return view
    }

    /// - Parameter known: the worker as it is, if there is one of that name.
    private func enrol(
        _ remote: RemoteCommand, _ known: WorkerView?
    ) async throws -> WorkerRecord {
        progress.update("connecting to `\(address)`")
        let clearing = progress
        let directory = description.directory ?? known?.directory
        return try await Interruption.cancelling(onEnd: { clearing.clear() }) {
            do {
                let probe = try await WorkerInspection(remote: remote).probe(
                    directory: directory, makesDirectory: true, agents: InstalledAgent.digests())
                if let known { try requireSame(known, probe) }
                return try await enrol(remote, probe)
            } catch {
                // Also where all else is cancelled.
                await Task { await undoProbe(remote, directory) }.value
                throw error
            }
        }
    }

    /// A name stays with its agent, whatever address that is reached by: another one in its place
    /// would leave the first behind, with its jobs and what they wrote.
    private func requireSame(_ known: WorkerView, _ probe: WorkerProbe) throws(ShuntError) {
        let isSamePlace = known.address == address && known.directory == probe.directory
        guard let agent = known.agent, agent != probe.installedAgent else { return }
        if isSamePlace {
            // The machine was set up anew, or the alias leads to another one.
            guard known.runningJobs == 0 else {
                throw ShuntError(
                    .refused,
                    "`\(name)` has jobs that are not over with another agent than the one there",
                    hint: "shunt ps")
            }
            progress.note(
                "another agent than before is in `\(known.directory)` on `\(name)`, or none: if "
                    + "the name leads to another machine now, the old one keeps what is there")
            return
        }
        let place = known.address.map { " at `\($0)`" } ?? ""
        throw ShuntError(
            .refused,
            "`\(name)` is the agent in `\(known.directory)`\(place), which would be left behind "
                + "there",
            hint: "shunt worker rm \(name) --purge")
    }

    /// Takes back what the probe made, where nothing came to stand in it but programs that are no
    /// whole ones.
    private func undoProbe(_ remote: RemoteCommand, _ directory: String?) async {
        // What refused the worker is what is told; an empty directory harms nobody.
        _ = try? await remote.script(
            ProbeScript.undoing(directory: directory), within: Self.tidyLimit)
    }

    private func enrol(
        _ remote: RemoteCommand, _ probe: WorkerProbe
    ) async throws -> WorkerRecord {
        try WorkerInspection.requireSuitable(probe, name: name, ssh: remote.ssh)
        try WorkerInspection.requireNoNewerAgent(probe, name: name)
        let installed = InstalledAgent(architecture: probe.facts.platform.architecture)
        try installed.requirePresent()
        let parcel = try installed.parcel(installed.agent, compressed: probe.hasGzip)
        let outcome = try await AgentInstallation(
            remote: remote, probe: probe, installed: installed, progress: progress
        ).run(agent: parcel)
        var facts = probe.facts
        if outcome.startsAtBoot { facts.bootStart = .cron }
        return WorkerRecord(
            name: name, address: address, directory: probe.directory, labels: description.labels,
            facts: facts, agent: outcome.agent, addedAt: .now())
    }
}
