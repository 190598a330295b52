internal import JobModel

/// What the argument parser says of a mistake, in the shape of every other error.
enum UsageErrorText {
    /// - Parameters:
    ///   - message: `Missing expected argument '<job>'`.
    ///   - command: the words of the command as far as they are one: `worker ls`.
    static func error(message: String, command: [String]) -> ShuntError {
        let line = message.split(separator: "\n").first.map(String.init) ?? "wrong usage"
        let first = line.prefix(1)
        var text = (first == first.uppercased() ? first.lowercased() : String(first))
            + line.dropFirst()
        text = text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "`")
        while text.last == "." { text.removeLast() }
        return ShuntError(
            .usage, text, hint: (["shunt"] + command + ["--help"]).joined(separator: " "))
    }

    /// The leading words of a command line that name a command: `["worker", "ls"]`.
    static func command(in arguments: [String], tree: CommandNames = .all) -> [String] {
        var words: [String] = []
        var node = tree
        for argument in arguments {
            guard let next = node.children[argument] else { break }
            words.append(argument)
            node = next
        }
        return words
    }
}

/// The names of commands, for messages.
struct CommandNames {
    var children: [String: CommandNames] = [:]

    static let all = CommandNames(children: [
        "run": CommandNames(), "submit": CommandNames(), "ps": CommandNames(),
        "inspect": CommandNames(), "wait": CommandNames(), "logs": CommandNames(),
        "cancel": CommandNames(), "pull": CommandNames(),
        "worker": CommandNames(children: ["ls": CommandNames()]),
        "coordinator": CommandNames(children: [
            "status": CommandNames(), "stop": CommandNames(), "serve": CommandNames(),
        ]),
    ])
}
