internal import JobModel
internal import SSHTransport

/// Puts this release's agent into a worker's directory and has it serve.
///
/// Nothing is half done: programs are sent under another name, compared with their digests, renamed
/// in one step, and only then does `attach` lead to them. Where anything fails, an agent that was
/// there goes on.
struct AgentInstallation: Sendable {
    let remote: RemoteCommand
    let probe: WorkerProbe
    let installed: InstalledAgent
    let progress: ProgressDisplay

    /// For both programs, unpacked, and some tasks.
    private static let spaceNeeded = ByteCount.mebibytes(128)
    private static let uploadLimit = Duration.seconds(600)
    private static let commandLimit = Duration.seconds(60)
    /// The line before a program.
    private static let begin = "SHUNT-BEGIN"
    /// For a piece of 256 KiB, which a link takes that is of any use.
    private static let patience = Duration.seconds(45)

    /// Who serves there now, and whether a reboot ends that.
    struct Outcome {
        var agent: AgentID
        /// Cron starts it after a reboot.
        var startsAtBoot: Bool
    }

    /// On a far link each command costs three round trips: programs go beside each other, and one
    /// script does the rest.
    func run(agent: InstalledAgent.Parcel) async throws -> Outcome {
        let directory = probe.directory + "/bin/" + agent.digest.hex
        var script = ""
        if probe.agent != .present {
            try checkSpace()
            let parcels = [
                ("shunt-agent", agent),
                (
                    "shunt-init",
                    try installed.parcel(installed.initProgram, compressed: probe.hasGzip)
                ),
            ]
            let temporary = probe.directory + "/bin/.new-" + ClientKey.draw().prefix(12)
            try await withThrowingTaskGroup { group in
                for (name, parcel) in parcels {
                    group.addTask { try await send(parcel, to: temporary, name) }
                }
                try await group.waitForAll()
            }
            script = placing(temporary, at: directory, parcels)
        }
        progress.update("starting the agent on `\(remote.name)`")
        return try await start(directory + "/shunt-agent", after: script)
    }

    private func checkSpace() throws(ShuntError) {
        guard let disk = probe.facts.disk, disk.free < Self.spaceNeeded else { return }
        throw ShuntError(
            .refused,
            "`\(remote.name)` has \(disk.free) free at `\(probe.directory)`, and the agent needs "
                + "\(Self.spaceNeeded)",
            hint: "shunt worker add \(remote.name) --dir /ANOTHER/DISK/shunt-agent")
    }

    private func send(
        _ parcel: InstalledAgent.Parcel, to directory: String, _ name: String
    ) async throws {
        let total = ByteCount(Int64(parcel.bytes.count))
        let what = "sending `\(name)` to `\(remote.name)`"
        progress.update(what, detail: "\(total)")
        let file = "\(directory)/\(name)"
        // What did not arrive as a whole is removed by whoever received it: the link may be gone.
        let receive =
            parcel.isCompressed
            ? "gzip -dc >\(file)" : "cat >\(file) && [ $(wc -c <\(file)) -eq \(total.bytes) ]"
        // No shell of any kind takes these words for anything else: see ``RemoteDirectory``. What
        // start-up files have left of the lines before the program is passed over.
        let command =
            "exec /bin/sh -c 'umask 077; while read -r line; do [ \"$line\" = \(Self.begin) ] && "
            + "break; done; mkdir -p \(directory) && \(receive) "
            + "|| { rm -rf \(directory); exit 1; }'"
        let head = RemoteCommand.emptyLines + Array("\(Self.begin)\n".utf8)
        let outcome = try await remote.run(
            command, input: head + parcel.bytes, within: Self.uploadLimit, patience: Self.patience
        ) { sent in
            let sent = ByteCount(Int64(max(0, sent - head.count)))
            progress.update(what, detail: "\(sent) of \(total)")
        }
        guard outcome.isSuccess else {
            throw failure("`\(name)` could not be written to `\(directory)`", outcome)
        }
    }

    /// A script that compares what was sent with its digests and gives it its place.
    private func placing(
        _ temporary: String, at directory: String,
        _ parcels: [(name: String, parcel: InstalledAgent.Parcel)]
    ) -> String {
        let checks = parcels.map { name, parcel in
            "check \(temporary)/\(name) \(parcel.digest.hex)"
        }
        return """
            digest() {
                if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c 1-64
                else \(temporary)/shunt-agent digest <"$1"; fi
            }
            check() {
                chmod 700 "$1" || exit 1
                got=$(digest "$1")
                [ "$got" = "$2" ] && return
                echo "error: $1 arrived damaged (SHA-256 $got)" >&2; exit 1
            }
            find \(probe.directory)/bin -maxdepth 1 -name '.new-*' -mmin +60 \\
                -exec rm -rf {} + 2>/dev/null
            trap 'rm -rf \(temporary)' EXIT
            \(checks.joined(separator: "\n"))
            \(temporary)/shunt-agent --version >/dev/null || exit 126
            rm -rf \(directory) && mv \(temporary) \(directory) || exit 1
            trap - EXIT
            # Programs that nobody runs any more; each is called after its digest.
            for old in \(probe.directory)/bin/*; do
                [ "$old" = \(directory) ] && continue
                digest=${old##*/}
                [ ${#digest} = 64 ] || continue
                case $digest in *[!0-9a-f]*) continue;; esac
                ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q "$old/" || rm -rf "$old"
            done

            """
    }

    private func start(_ executable: String, after script: String) async throws -> Outcome {
        let registration =
            probe.hasCrontab
            ? "( \(BootRegistration.adding(probe.directory)) ) </dev/null && echo 'boot cron'\n"
            : ""
        // One piece of text to the shell, which reads its script as it goes: what a command in it
        // took of standard input would be missing.
        let outcome = try await remote.script(
            """
            \(script)echo placed
            \(executable) install --home \(probe.directory) </dev/null || exit
            \(registration)exit 0

            """, within: Self.commandLimit)
        let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
        guard outcome.isSuccess || lines.contains("placed") else {
            throw failure("the agent could not be put in place", outcome)
        }
        let id = lines.lazy.compactMap { line in
            line.hasPrefix("agent ") ? AgentID(String(line.dropFirst("agent ".count))) : nil
        }.first
        guard outcome.isSuccess, let id else { throw failure("the agent does not start", outcome) }
        return Outcome(agent: id, startsAtBoot: lines.contains("boot cron"))
    }

    private func failure(_ what: String, _ outcome: RemoteCommand.Outcome) -> ShuntError {
        // It may be no worker yet, which could be checked.
        let hint = remote.adding
        if let said = RemoteText.error(in: outcome.diagnostics, ssh: remote.ssh) {
            return ShuntError(
                .failed, "\(what) on `\(remote.name)`: \(said.message)", hint: said.hint ?? hint)
        }
        let why =
            RemoteText.lastLine(outcome.diagnostics)
            ?? (outcome.exit.map { "it ended with \($0.shellCode)" } ?? "the connection broke")
        return ShuntError(.failed, "\(what) on `\(remote.name)`: \(why)", hint: hint)
    }
}

/// Which paths a worker's directory may have: those that every login shell, fish and csh among
/// them, leaves as they are.
enum RemoteDirectory {
    /// - Returns: whether the path is absolute and of plain characters.
    static func accepts(_ path: String) -> Bool {
        path.hasPrefix("/") && path.count <= 200 && path.count > 1
            && path.split(separator: "/").allSatisfy { $0 != "." && $0 != ".." }
            && path.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/._-+@,".utf8.contains(byte)
                }
            }
    }
}
