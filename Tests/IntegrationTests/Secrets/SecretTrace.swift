import Foundation
import Lab
import Testing

/// A secret that nobody else has, and the search for it wherever it must not be.
struct SecretTrace: Sendable {
    /// Random, of letters and digits: no encoding of text changes it but those searched for.
    let value: String

    init() {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        value = "s3" + String((0..<40).map { _ in alphabet.randomElement() ?? "x" })
    }

    /// What a job prints to show that it has the value.
    func proof(_ home: ShuntHome) async throws -> String {
        try await home.shell("printf %s '\(value)' | sha256sum").text
    }

    /// A line of shell that prints the proof from the variable.
    static func prove(_ name: String) -> String { "printf %s \"$\(name)\" | sha256sum" }

    /// The value as it is, in hexadecimal digits and in base64, in which it may stand at any of
    /// three offsets.
    private var forms: [Data] {
        let bytes = Data(value.utf8)
        let digits = bytes.map { String(format: "%02x", $0) }.joined()
        let shifted = (0..<3).map { shift in
            String(
                (Data(repeating: 0x78, count: shift) + bytes).base64EncodedString()
                    .dropFirst(shift == 0 ? 0 : 4).dropLast(4))
        }
        return [bytes, Data(digits.utf8)] + shifted.map { Data($0.utf8) }
    }

    /// Expects that no file below these directories has the value in any form, and that nothing of
    /// it stands in what the API says.
    func expectNone(
        in home: ShuntHome, besides directories: [String] = [], job: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        for directory in [home.base, home.runtimeDirectory] + directories {
            let found = files(below: directory)
            #expect(found.isEmpty, "\(found)", sourceLocation: location)
        }
        var commands = [["ps", "-a", "-o", "json"], ["ps", "-a", "-o", "wide"]]
        if let job {
            commands += [["inspect", job, "-o", "json"], ["inspect", job], ["logs", job]]
        }
        for command in commands {
            let outcome = try await home.run(command)
            #expect(outcome.code == 0, "\(outcome.errorText)", sourceLocation: location)
            expectNone(in: outcome, at: location)
        }
        expectNoArguments(at: location)
    }

    func expectNone(in outcome: Outcome, at location: SourceLocation = #_sourceLocation) {
        #expect(!has(outcome.output), "on standard output", sourceLocation: location)
        #expect(!has(outcome.errors), "on standard error", sourceLocation: location)
    }

    /// No process of this machine has it on its command line.
    func expectNoArguments(at location: SourceLocation = #_sourceLocation) {
        // A process that has ended meanwhile has no command line.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for name in names where pid_t(name) != nil {
            // Likewise.
            let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
            #expect(!has(line), "process \(name)", sourceLocation: location)
        }
    }

    /// Whether memory has nothing of it any more.
    func expectMemoryIsClear(
        _ directories: [String], at location: SourceLocation = #_sourceLocation
    ) async {
        let isClear = await eventually {
            directories.allSatisfy { !FileManager.default.fileExists(atPath: $0) }
        }
        #expect(isClear, "\(directories.flatMap(files))", sourceLocation: location)
    }

    func has(_ data: Data) -> Bool { forms.contains { data.range(of: $0) != nil } }

    private func files(below directory: String) -> [String] {
        let manager = FileManager.default
        guard let listing = manager.enumerator(atPath: directory) else { return [] }
        return listing.compactMap { name in
            let path = "\(directory)/\(name)"
            var status = stat()
            // Only files have bytes; a FIFO would be waited for.
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return has(manager.contents(atPath: path) ?? Data()) ? path : nil
        }
    }
}

extension ShuntHome {
    /// Submits a job that takes every CPU, so that others wait.
    func occupy() async throws -> String {
        var capacity: Int?
        _ = try await eventually {
            let workers = try await run("worker", "ls", "-o", "json")
            capacity = try JSON(parsing: workers.output)[0]["capacity"]["milli_cpus"].int
            return capacity != nil
        }
        guard let capacity else { throw HarnessError("the local worker has no capacity") }
        let id = try await submit(
            "sleep", "1000", options: ["--cpus", "\(Double(capacity) / 1000)"])
        let runs = try await eventually { try await inspect(id)["phase"].string == "running" }
        #expect(runs)
        return id
    }

    /// Submits a job with secrets of this environment.
    func submit(
        _ command: [String], options: [String], env: [String: String]
    ) async throws -> String {
        let outcome = try await run(["submit"] + options + ["--"] + command, env: env)
        guard outcome.code == 0 else { throw HarnessError("submit: \(outcome.errorText)") }
        return outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
