internal import JobModel

/// The words of COMMAND as the argument parser captured them: everything from the first word that
/// is no flag of ours, so that `shunt run python train.py --epochs 3` needs no `--`.
enum CommandWords {
    enum Reading: Equatable {
        case command([String])
        /// There was none.
        case none
        /// `--help` stood where a flag of ours can stand.
        case help
    }

    static let flags = [
        "--file", "--on", "--name", "--cpus", "--memory", "--image", "--shm-size", "--env",
        "--secret", "--mount", "--nodes", "--nodes-per-worker", "--processes-per-node",
        "--nproc-per-node", "--launch", "--outputs-from", "--priority", "--after",
        "--output", "--no-pull", "--no-capture",
        "--detach", "--quiet", "--yes", "--dry-run",
        "--help",
    ]

    /// - Parameter subcommand: `run` or `submit`, for hints.
    /// - Throws: `usage` for a flag that we do not have.
    static func read(_ captured: [String], of subcommand: String) throws(ShuntError) -> Reading {
        guard let first = captured.first else { return .none }
        if first == "--" {
            let words = Array(captured.dropFirst())
            if words.isEmpty { return .none }
            return .command(try checked(words, of: subcommand))
        }
        if first == "--help" || first == "-h" { return .help }
        guard first.hasPrefix("-"), first != "-" else {
            return .command(try checked(captured, of: subcommand))
        }
        let name = String(first.prefix { $0 != "=" })
        let shown = Quoting.truncated(Quoting.visible(first), to: 60)
        if let near = EditDistance.nearest(to: name, among: flags) {
            throw ShuntError(
                .usage, "unknown option `\(shown)`; did you mean `\(near)`?",
                hint: "shunt \(subcommand) --help")
        }
        throw ShuntError(
            .usage,
            "unknown option `\(shown)`; a command that begins with a dash stands behind `--`",
            hint: "shunt \(subcommand) --help")
    }

    private static func checked(
        _ words: [String], of subcommand: String
    ) throws(ShuntError) -> [String] {
        guard words.first?.isEmpty == false else {
            throw ShuntError(
                .usage, "the command is an empty word",
                hint: "shunt \(subcommand) -- python train.py")
        }
        return words
    }
}
