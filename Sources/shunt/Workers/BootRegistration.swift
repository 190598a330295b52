internal import JobModel

/// What starts a worker's agent after a reboot: a line of the account's crontab, where it may have
/// one. Without it the next connection starts the agent.
struct BootRegistration: Sendable {
    let remote: RemoteCommand
    let directory: String

    private static let limit = Duration.seconds(30)

    /// The line, marked so that it is found again.
    private static func line(_ directory: String) -> String {
        "@reboot \(directory)/attach --start"
    }

    /// The whole table to its last blank line. One that cannot be read is not replaced: only who
    /// has none is told so in words.
    private static let reading = """
        if table=$(crontab -l 2>/dev/null && echo .); then table=${table%.}
        else LC_ALL=C crontab -l 2>&1 | grep -q '^no crontab' || exit 1; table=; fi
        """

    /// A script that ends with 0 once cron has the line.
    static func adding(_ directory: String) -> String {
        let line = line(directory)
        return """
            \(reading)
            { printf '%s' "$table" | grep -vF '\(line)'; echo '\(line)'; } | crontab -
            """
    }

    /// Removes the line, and a crontab that has no other.
    func remove() async throws {
        let line = Self.line(directory)
        let outcome = try await remote.script(
            """
            command -v crontab >/dev/null 2>&1 || exit 0
            \(Self.reading)
            printf '%s' "$table" | grep -qF '\(line)' || exit 0
            if printf '%s' "$table" | grep -qvF '\(line)'; then
                printf '%s' "$table" | grep -vF '\(line)' | crontab -
            else crontab -r; fi

            """, within: Self.limit)
        guard outcome.isSuccess else {
            throw ShuntError(
                .failed,
                "the crontab of `\(remote.name)` could not be changed: "
                    + (RemoteText.lastLine(outcome.diagnostics) ?? "no reason was given"),
                hint: "\(remote.ssh) crontab -e")
        }
    }
}
