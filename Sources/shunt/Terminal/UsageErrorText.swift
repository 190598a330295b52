internal import JobModel

/// What the argument parser says of a mistake, in the shape of every other error.
enum UsageErrorText {
    /// - Parameters:
    ///   - message: `Missing expected argument '<job>'`.
    ///   - command: the words of the command as far as they are one: `worker ls`.
    ///   - next: the word behind them. Where it should have been a command, the parser may complain
    ///     of a flag that stands further on.
    static func error(message: String, command: [String], next: String? = nil) -> ShuntError {
        let node = CommandNames.all.node(at: command)
        if let next, !next.hasPrefix("-"), next != "help", !node.children.isEmpty {
            return unknownCommand(named: next, command, among: node)
        }
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
        let node = CommandNames.all.node(at: command)
        let parts = line.split(separator: "'", omittingEmptySubsequences: false)
        guard !node.children.isEmpty, line.hasPrefix("Unexpected argument"), parts.count >= 2 else {
            return nil
        }
        return unknownCommand(named: parts[1], command, among: node)
    }

    private static func unknownCommand(
        named name: some StringProtocol, _ command: [String], among node: CommandNames
    ) -> ShuntError {
        let prefix = (["shunt"] + command).joined(separator: " ")
        let names = node.children.keys.sorted()
        let word = Quoting.visible(name)
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

extension CommandNames {
    /// What may follow the words of a command.
    fileprivate func node(at command: [String]) -> CommandNames {
        command.reduce(self) { $0.children[$1] ?? CommandNames() }
    }
}
