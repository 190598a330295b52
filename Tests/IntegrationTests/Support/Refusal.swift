import Foundation
import Testing

/// What is expected of every bad input: one `error:` line, an empty line, a `hint:` line that a
/// shell can run, the documented code, nothing on standard output, and nothing changed.
///
/// - Parameters:
///   - code: the documented exit code.
///   - names: what the error line must name.
func expectRefused(
    _ outcome: Outcome, code: Int32, naming names: [String],
    at location: SourceLocation = #_sourceLocation
) {
    let text = outcome.errorText
    #expect(outcome.code == code, "\(text)", sourceLocation: location)
    #expect(outcome.output.isEmpty, "\(outcome.text)", sourceLocation: location)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let errors = lines.filter { $0.hasPrefix("error: ") }
    #expect(errors.count == 1, "\(text)", sourceLocation: location)
    for name in names {
        #expect(
            errors.first?.contains(name) == true, "not named: \(name): \(text)",
            sourceLocation: location)
    }
    // Progress may stand before the error, and nothing behind the hint.
    let start = lines.firstIndex { $0.hasPrefix("error: ") } ?? 0
    #expect(
        lines[..<start].allSatisfy { $0.hasPrefix("shunt: ") }, "\(text)",
        sourceLocation: location)
    let end = Array(lines.suffix(3))
    #expect(
        end.count == 3 && end[0].isEmpty && end[1].hasPrefix("hint: ") && end[2].isEmpty,
        "no hint behind an empty line: \(text)", sourceLocation: location)
    guard end.count == 3, end[1].hasPrefix("hint: ") else { return }
    let problem = HintCheck.problem(of: String(end[1].dropFirst(6)))
    #expect(problem == nil, "\(end[1])", sourceLocation: location)
}

/// Whether a hint is a command line: a person copies it into a shell.
enum HintCheck {
    private static let commands: Set<String> = [
        "run", "submit", "ps", "inspect", "wait", "logs", "cancel", "pull", "worker",
        "coordinator", "config", "--help",
    ]

    /// - Returns: what a shell would say against it; `nil` for a command.
    static func problem(of hint: String) -> String? {
        if hint.contains("`") { return "prose with a quoted word" }
        if hint.contains(", ") { return "prose behind a comma" }
        if !runs(["/bin/sh", "-n", "-c", hint]) { return "a shell cannot read it" }
        for part in hint.components(separatedBy: " && ") {
            var words = part.split(separator: " ").map(String.init)[...]
            // A word in front of the command: a variable, or what asks for another account.
            while let first = words.first, first == "sudo" || isAssignment(first) {
                words.removeFirst()
            }
            guard let program = words.first else { return "no command" }
            if program == "shunt" {
                guard words.count > 1, commands.contains(words[words.startIndex + 1]) else {
                    return "no command of shunt's"
                }
            } else if !runs(["/bin/sh", "-c", "command -v \"$0\" >/dev/null", program]) {
                return "there is no `\(program)`"
            }
        }
        return nil
    }

    private static func isAssignment(_ word: String) -> Bool {
        guard let equals = word.firstIndex(of: "=") else { return false }
        return word[..<equals].allSatisfy { $0.isUppercase || $0 == "_" }
    }

    private static func runs(_ words: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

extension ShuntHome {
    /// Runs `shunt` with bad input and expects that it is refused and changed nothing: no file of
    /// the working directory, and no job.
    func expectRefusal(
        _ arguments: [String], code: Int32, naming names: [String] = [], cwd: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let files = try await listing(cwd ?? work)
        let jobs = try await jobs()
        let outcome = try await run(arguments, cwd: cwd)
        expectRefused(outcome, code: code, naming: names, at: location)
        #expect(try await listing(cwd ?? work) == files, sourceLocation: location)
        #expect(try await self.jobs() == jobs, "a job is left", sourceLocation: location)
    }

    /// The same of `submit`, which ends with `code`, and of `run`, whose code is 125.
    func expectSubmissionRefused(
        _ arguments: [String], code: Int32, naming names: [String] = [], cwd: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        try await expectRefusal(
            ["submit"] + arguments, code: code, naming: names, cwd: cwd, at: location)
        try await expectRefusal(
            ["run"] + arguments, code: 125, naming: names, cwd: cwd, at: location)
    }

    /// Every path below a directory with its kind, mode, size, and times to the nanosecond: what
    /// was written to has another one.
    func listing(_ directory: String) async throws -> String {
        let line = "find . -printf '%p %y %m %s %T@ %C@ %l\\n' | LC_ALL=C sort"
        let outcome = try await shell(line, cwd: directory)
        guard outcome.code == 0 else { throw HarnessError(outcome.errorText) }
        return outcome.text
    }

    /// `ps -a`: every job there ever was, with its state.
    func jobs() async throws -> [String] {
        let outcome = try await run("ps", "-a", "-o", "json")
        guard outcome.code == 0 else { throw HarnessError(outcome.errorText) }
        return try JSON(parsing: outcome.output).items.map { $0["id"].string ?? "" }
    }
}
