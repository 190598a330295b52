internal import CoordinatorClient
internal import JobModel
internal import SSHTransport

/// Takes from a worker's machine all that was put there: the line in the crontab, the agent, its
/// sockets, its directory.
struct WorkerRemoval: Sendable {
    let session: ShuntSession
    let progress: ProgressDisplay
    let worker: WorkerView

    private static let limit = Duration.seconds(600)

    /// - Parameter givesUp: jobs that are not over, which are killed, and outputs of others that
    ///   are nowhere else.
    /// - Returns: how many jobs' logs went with it.
    func purge(givesUp: Bool) async throws -> Int {
        guard let address = worker.address else {
            throw ShuntError(.refused, "`local` is this machine", hint: "shunt worker ls")
        }
        let all = try await session.connection.jobs(all: true)
        // The coordinator would say the same, but only when the agent has ended.
        let waiting = all.filter {
            $0.state == .queued && $0.spec.placement == .worker(worker.name)
        }
        guard waiting.isEmpty || givesUp else {
            let list = waiting.prefix(5).map(\.id.text).joined(separator: " ")
            throw ShuntError(
                .refused, "jobs wait for `\(worker.name)` and for no other worker: \(list)",
                hint: "shunt cancel \(list)")
        }
        let jobs = all.filter { $0.worker == worker.name }
        let busy = jobs.filter { !$0.state.isTerminal }
        guard busy.isEmpty || givesUp else {
            let list = busy.prefix(5).map(\.id.text).joined(separator: " ")
            throw ShuntError(
                .refused,
                "`\(worker.name)` has jobs that are not over: \(list); `--lost` kills them",
                hint: "shunt cancel \(list)")
        }
        let held = jobs.filter { $0.outputsFetch == .held || $0.outputsFetch == .fetching }
        guard held.isEmpty || givesUp else {
            throw ShuntError(
                .refused,
                "outputs of \(held.prefix(5).map(\.id.text).joined(separator: " ")) are only on "
                    + "`\(worker.name)`; `--lost` gives them up",
                hint: "shunt pull \(held[0].id)")
        }
        let shell = try RemoteAccess(layout: session.home.layout, progress: progress)
            .shell(to: address)
        let remote = RemoteCommand(
            shell: shell, name: worker.name.text, adding: worker.adding, ssh: address.ssh)
        var hasEnded = false
        do {
            progress.update("connecting to `\(address)`")
            let killed = try await stop(remote, killsTasks: givesUp)
            hasEnded = true
            // Before anything is removed there: a job may have come meanwhile.
            try await session.connection.removeWorker(worker.name, declaresLost: givesUp)
            let logs = try await clear(remote)
            await shell.close()
            let others = killed.filter { !busy.map(\.id.text).contains($0) }
            if !others.isEmpty {
                progress.warn(
                    "killed on `\(worker.name)` as well, though they are no jobs of this "
                        + "coordinator that ran: \(others.joined(separator: " "))")
            }
            return logs
        } catch {
            await shell.close()
            throw try await explained(error, givesUp: givesUp, hasEnded: hasEnded)
        }
    }

    /// A machine that is gone for good can still be forgotten; one of which a part is left has to
    /// be a worker again before it is purged.
    private func explained(
        _ error: any Error, givesUp: Bool, hasEnded: Bool
    ) async throws -> any Error {
        guard let error = error as? ShuntError else { return error }
        let name = worker.name
        let isForgotten = try await !session.connection.workers().contains { $0.name == name }
        if isForgotten {
            return ShuntError(
                error.code, error.message + "; `\(name)` is forgotten here already",
                hint: "\(worker.adding) && shunt worker rm \(name) --purge")
        }
        if hasEnded {
            return ShuntError(
                error.code, error.message + "; the agent there has ended",
                hint: error.hint.map { "\(worker.adding) && \($0)" } ?? worker.adding)
        }
        guard error.code == .unreachable else { return error }
        let forget = "shunt worker rm \(name)" + (givesUp ? " --lost" : "")
        return ShuntError(
            .unreachable, error.message + "; `\(forget)` only forgets it here",
            hint: error.hint ?? forget)
    }

    /// Ends the agent.
    ///
    /// - Returns: the jobs of which something was killed.
    private func stop(_ remote: RemoteCommand, killsTasks: Bool) async throws -> [String] {
        let directory = worker.directory
        // The path is the ledger's; what stands there has to say that it is an agent's.
        let stopped = try await remote.script(
            """
            [ -e \(directory) ] || exit 0
            [ -f \(directory)/machine ] || {
                echo 'error: `\(directory)` is no agent'"'s directory" >&2; exit 1; }
            # Gone if an earlier removal did not come to its end.
            if [ ! -e \(directory)/attach ]; then
                pid=$(cat \(directory)/lock 2>/dev/null)
                case $(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
                    *" daemon --home \(directory) "*) ;;
                    *) exit 0;;
                esac
                printf 'error: %s\n\nhint: kill -9 %s\n' \
                    "the agent (process $pid) still runs" "$pid" >&2
                exit 1
            fi
            exec \(directory)/attach \(killsTasks ? "--stop-all" : "--stop")

            """, within: Self.limit)
        guard stopped.isSuccess else { throw failure("the agent could not be ended", stopped) }
        return Self.killed(stopped.output)
    }

    /// Removes what is left of an agent that has ended.
    ///
    /// - Returns: how many jobs had logs there.
    private func clear(_ remote: RemoteCommand) async throws -> Int {
        let directory = worker.directory
        progress.update("removing `\(directory)` from `\(worker.name)`")
        try await BootRegistration(remote: remote, directory: directory).remove()
        let removed = try await remote.script(
            // A checkout may hold directories that nobody may write to.
            """
            [ -e \(directory) ] || exit 0
            echo "logs" $(cd \(directory)/tasks 2>/dev/null &&
                ls -d */log 2>/dev/null | cut -d. -f1 | sort -u | wc -l)
            chmod -R u+rwX \(directory) 2>/dev/null
            # What a rootless container gave to its other accounts only the engine can remove.
            rm -rf \(directory)/tasks 2>/dev/null ||
                podman unshare rm -rf \(directory)/tasks >/dev/null 2>&1
            made=$(cat \(directory)/made 2>/dev/null)
            case $made in ''|\(directory)/*)
                # It was there before, empty.
                find \(directory) -mindepth 1 -delete 2>/dev/null
                [ -z "$(ls -A \(directory))" ]; exit;; esac
            rm -rf \(directory)
            at=\(directory); at=${at%/*}
            # The directories above it that were made for it, as long as nothing else is in them.
            inside() { case "$at/" in "$made"/*) [ -n "$made" ];; */shunt-agent/) true;;
                *) false;; esac; }
            while inside && rmdir "$at" 2>/dev/null; do at=${at%/*}; done
            [ ! -e \(directory) ]

            """, within: Self.limit)
        guard removed.isSuccess else { throw failure("`\(directory)` is not gone", removed) }
        return Self.logs(removed.output)
    }

    /// The line `logs N` of the script.
    private static func logs(_ output: [UInt8]) -> Int {
        String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("logs ") }.flatMap { Int($0.dropFirst(5)) } ?? 0
    }

    /// Lines `ended JOB.ATTEMPT.RANK-NONCE` of `attach --stop-all`.
    private static func killed(_ output: [UInt8]) -> [String] {
        let jobs = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("ended ") }
            .map { Quoting.visible(String($0.dropFirst(6).prefix { $0 != "." })) }
        return Set(jobs).sorted()
    }

    private func failure(_ what: String, _ outcome: RemoteCommand.Outcome) -> ShuntError {
        let said = RemoteText.error(in: outcome.diagnostics, ssh: worker.address?.ssh)
        let why =
            said?.message ?? RemoteText.lastLine(outcome.diagnostics) ?? "no reason was given"
        return ShuntError(
            .failed, "\(what) on `\(worker.name)`: \(why)",
            hint: said?.hint ?? "shunt worker check \(worker.name)")
    }
}
