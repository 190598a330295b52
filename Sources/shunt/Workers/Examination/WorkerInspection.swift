internal import JobModel
internal import SSHTransport

/// Looks at a worker's machine, and says what keeps it from being one.
struct WorkerInspection: Sendable {
    let remote: RemoteCommand

    private static let limit = Duration.seconds(60)

    /// - Throws: ``ShuntError`` where the machine cannot be reached, or its login shell does not
    ///   run commands.
    func probe(
        directory: String?, makesDirectory: Bool, agents: [String: Digest]
    ) async throws -> WorkerProbe {
        let script = ProbeScript.text(
            directory: directory, makesDirectory: makesDirectory, agents: agents)
        let outcome = try await remote.script(script, within: Self.limit)
        if var probe = WorkerProbe(outcome.output) {
            probe.bannerLength =
                outcome.output.firstRange(of: Array(ProbeScript.mark.utf8))?.lowerBound ?? 0
            return probe
        }
        let said =
            RemoteText.lastLine(outcome.diagnostics)
            ?? RemoteText.lastLine(String(decoding: outcome.output, as: UTF8.self))
        throw ShuntError(
            .refused,
            "the login shell of `\(remote.name)` does not run commands"
                + (said.map { ": \($0)" } ?? "")
                + (outcome.exit.map { " (it ended with \($0.shellCode))" } ?? ""),
            hint: "\(remote.ssh) /bin/sh -c true")
    }

    /// What start-up files print stands before every answer of the agent, which is looked for in
    /// the beginning of what comes.
    private static func requireShortBanner(
        _ probe: WorkerProbe, name: WorkerName, ssh: String
    ) throws(ShuntError) {
        guard probe.bannerLength > longestBanner else { return }
        throw ShuntError(
            .refused,
            "the start-up files of the login shell on `\(name)` print "
                + "\(ByteCount(Int64(probe.bannerLength))) before a command's own words, and "
                + "\(ByteCount(Int64(longestBanner))) is the most",
            hint: "\(ssh) true")
    }

    /// Of the 64 KiB that may stand before the agent's first bytes, with room for what differs
    /// from one login to the next.
    private static let longestBanner = 48 << 10

    /// What a worker has to have, whatever jobs it gets.
    static func requireSuitable(
        _ probe: WorkerProbe, name: WorkerName, ssh: String
    ) throws(ShuntError) {
        let platform = probe.facts.platform
        guard !platform.system.isEmpty else {
            throw ShuntError(
                .refused, "`\(name)` does not say what it runs: there is no `uname` in its PATH",
                hint: "\(ssh) 'echo $PATH'")
        }
        guard platform.system == "linux" else {
            throw ShuntError(
                .refused, "`\(name)` runs \(platform.system), and workers run Linux",
                hint: "shunt worker ls")
        }
        guard isNewEnough(platform.kernel) else {
            throw ShuntError(
                .refused,
                "`\(name)` runs Linux \(platform.kernel), and the agent needs 4.18 or newer",
                hint: "shunt worker ls")
        }
        try requireShortBanner(probe, name: name, ssh: ssh)
        try requireDirectory(probe, name: name, ssh: ssh)
    }

    /// An agent is never replaced by that of an earlier release: its own jobs, or those of another
    /// machine's coordinator, may need what only it knows.
    static func requireNoNewerAgent(_ probe: WorkerProbe, name: WorkerName) throws(ShuntError) {
        guard let there = probe.installedRelease, Release.isNewer(there, than: Release.text) else {
            return
        }
        throw ShuntError(
            .refused,
            "the agent in `\(probe.directory)` on `\(name)` is of release \(there), newer than "
                + "this `shunt` (\(Release.text)): upgrade here, or give this one a directory of "
                + "its own",
            hint: "shunt worker add \(name) --dir \(probe.directory)-\(Release.text)")
    }

    private static func requireDirectory(
        _ probe: WorkerProbe, name: WorkerName, ssh: String
    ) throws(ShuntError) {
        // Where there is room; which of these is theirs to use only a person knows.
        let places = "\(ssh) df -h"
        let choice = "; `--dir` takes another one"
        if let error = probe.directoryError {
            throw ShuntError(
                .refused,
                "`\(Quoting.visible(probe.directory))` cannot be used on `\(name)`: "
                    + (RemoteText.lastLine(error) ?? error) + choice,
                hint: places)
        }
        guard RemoteDirectory.accepts(probe.directory) else {
            throw ShuntError(
                .refused,
                "the home directory of `\(name)` has characters that not every shell leaves "
                    + "alone: `\(Quoting.visible(probe.directory))`" + choice,
                hint: places)
        }
        if let stranger = probe.stranger ?? probe.enclosing {
            let shown = Quoting.visible(stranger)
            throw ShuntError(
                .refused,
                "the agent wants a directory of its own, and `\(probe.directory)` on `\(name)` "
                    + (probe.stranger == nil
                        ? "is within that of another agent, `\(shown)`" : "holds `\(shown)`"),
                hint: "shunt worker add \(name) --dir "
                    + (probe.stranger == nil ? "\(stranger)-2" : "\(probe.directory)/shunt-agent"))
        }
        if probe.isOpenToOthers {
            throw ShuntError(
                .refused,
                "other accounts may write to `\(probe.directory)` on `\(name)`, and what the agent "
                    + "runs is there",
                hint: "\(ssh) chmod 700 \(probe.directory)")
        }
        if let owner = probe.owner, owner != probe.userID {
            throw ShuntError(
                .refused,
                "`\(probe.directory)` on `\(name)` belongs to user \(owner), not to "
                    + "`\(probe.facts.userName)`" + choice,
                hint: places)
        }
        if probe.isNoExec {
            throw ShuntError(
                .refused,
                "programs in `\(probe.directory)` cannot be executed on `\(name)`: its file "
                    + "system is mounted noexec" + choice,
                hint: places)
        }
    }

    /// Linux 4.18 or newer.
    static func isNewEnough(_ release: String) -> Bool {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return true }
        return numbers[0] > 4 || (numbers[0] == 4 && numbers[1] >= 18)
    }
}
