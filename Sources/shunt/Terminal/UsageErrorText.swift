internal import JobModel

/// What the argument parser says of a mistake, in the shape of every other error.
enum UsageErrorText {
    /// - Parameters:
    ///   - message: `Missing expected argument '<job>'`.
    ///   - command: the words of the command as far as they are one: `worker ls`.
    static func error(message: String, command: [String]) -> ShuntError {
        let line = message.split(separator: "\n").first.map(String.init) ?? "wrong usage"
        if let unknown = unknownCommand(line, command) { return unknown }
        let first = line.prefix(1)
        var text =
            (first == first.uppercased() ? first.lowercased() : String(first))
            + line.dropFirst()
        text = text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "`")
        while text.last == "." { text.removeLast() }
        return ShuntError(
            .usage, text, hint: (["shunt"] + command + ["--help"]).joined(separator: " "))
    }

    /// A word where a command should stand.
    private static func unknownCommand(_ line: String, _ command: [String]) -> ShuntError? {
        let node = command.reduce(CommandNames.all) { $0.children[$1] ?? CommandNames() }
        let parts = line.split(separator: "'", omittingEmptySubsequences: false)
        guard !node.children.isEmpty, line.hasPrefix("Unexpected argument"), parts.count >= 2 else {
            return nil
        }
        let prefix = (["shunt"] + command).joined(separator: " ")
        let names = node.children.keys.sorted()
        let word = Quoting.visible(parts[1])
        guard let near = EditDistance.nearest(to: word, among: names) else {
            return ShuntError(.usage, "unknown command `\(word)`", hint: prefix + " --help")
        }
        return ShuntError(
            .usage, "unknown command `\(word)`; did you mean `\(near)`?",
            hint: "\(prefix) \(near) --help")
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
