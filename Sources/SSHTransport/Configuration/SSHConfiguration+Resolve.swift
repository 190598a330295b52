internal import Glibc

extension SSHConfiguration {
    /// Asks `ssh -G`. Blocks its thread, for at most `limit` and a moment.
    ///
    /// - Throws: ``SSHError``, with ssh's own words where it refuses its configuration.
    package static func resolve(
        _ target: SSHTarget, within limit: Duration = SSHTimes().configuration
    ) throws(SSHError) -> SSHConfiguration {
        try resolve(target, waiting: Patience(until: .now + limit))
    }

    static func resolve(
        _ target: SSHTarget, waiting patience: Patience
    ) throws(SSHError) -> SSHConfiguration {
        let words = ["ssh", "-G"] + target.options + ["--", target.destination]
        let outcome = try BoundedCommand.run(words, limit: SSHLimits.configuration, patience)
        guard let ending = outcome.ending else {
            throw SSHError(
                .configuration, "`ssh -G` did not answer in time",
                hint: words.map(SSHError.quoted).joined(separator: " "))
        }
        guard ending == .code(0) else {
            throw refusal(outcome.words, words)
        }
        var result = try parse(
            String(decoding: outcome.output, as: UTF8.self), alias: target.host,
            home: Account.home, environment: Account.variable)
        result.byHand = target.byHand
        return result
    }

    /// What ssh has against its configuration or the destination; its last line only counts the
    /// complaints.
    private static func refusal(_ said: [UInt8], _ words: [String]) -> SSHError {
        let lines = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.drop { $0 == " " } }
            .filter { !$0.hasPrefix("Pseudo-terminal will not be") && !$0.contains("terminating,") }
        let reason = lines.first.map { SSHError.printable($0.utf8, limit: 300) }
        return SSHError(
            .configuration, reason.map { "ssh refuses: \($0)" } ?? "ssh refuses, without a word",
            hint: words.map(SSHError.quoted).joined(separator: " "))
    }
}

/// The account under which this process runs.
enum Account {
    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// From the account's record, as ssh takes it, else `HOME`.
    static var home: String {
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        if getpwuid_r(getuid(), &record, &buffer, buffer.count, &found) == 0, found != nil,
            let directory = record.pw_dir
        {
            return String(cString: directory)
        }
        return variable("HOME") ?? "/"
    }
}
