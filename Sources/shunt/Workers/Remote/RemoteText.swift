internal import JobModel

/// What a worker's shell said, for one line of a message.
enum RemoteText {
    /// The last line that is not empty, at most 200 characters.
    static func lastLine(_ text: String) -> String? {
        text.split(whereSeparator: \.isNewline)
            .map { String($0).trimmingSpaces }
            .last { !$0.isEmpty }
            .map { Quoting.truncated(Quoting.visible($0), to: 200) }
    }

    /// What follows `error: ` in the last line that begins so, and the hint behind it.
    ///
    /// - Parameter ssh: how a person gets there by hand: a command that was meant for the worker is
    ///   shown as one that is run there.
    static func error(in text: String, ssh: String?) -> (message: String, hint: String?)? {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard let message = lines.last(where: { $0.hasPrefix("error: ") }) else { return nil }
        let hint = lines.last { $0.hasPrefix("hint: ") }
        return (
            Quoting.visible(message.dropFirst("error: ".count)),
            hint.map { hint in
                let command = Quoting.visible(hint.dropFirst("hint: ".count))
                guard let ssh, !command.hasPrefix("shunt ") else { return command }
                return "\(ssh) \(quoted(command))"
            }
        )
    }

    /// A word as `/bin/sh` reads it back.
    static func quoted(_ word: String) -> String { Quoting.forShell(word) }
}

extension String {
    /// Without the white space at its ends.
    var trimmingSpaces: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
