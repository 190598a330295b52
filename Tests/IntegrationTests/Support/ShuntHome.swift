import Foundation
import Testing
import Lab

/// One Shunt instance of one test: a home and a working directory in a temporary directory, and
/// the built `shunt` to drive it with. `use` ends every process of the home and removes all of it,
/// whatever the test did.
///
/// | path | what |
/// |---|---|
/// | `base/home` | `SHUNT_HOME` |
/// | `base/work` | the working directory of commands unless they name another |
struct ShuntHome: Sendable {
    /// Holds everything of this test.
    let base: String
    /// Variables of every command, on top of this process's own without its `SHUNT_*` and its
    /// ssh-agent.
    var variables: [String: String]

    var root: String { base + "/home" }

    /// The working directory of commands unless they name another.
    var work: String

    /// The `shunt` under test: `SHUNT_BINARY`, else the debug build of this package.
    static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["SHUNT_BINARY"] { return path }
        return packageRoot + "/.build/debug/shunt"
    }()

    static let packageRoot: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url.path
    }()

    /// Runs a test in a home of its own.
    static func use<Result: Sendable>(
        _ body: (ShuntHome) async throws -> Result
    ) async throws -> Result {
        await Slots.daemons.take()
        do {
            let home = try ShuntHome()
            let result: Result
            do { result = try await body(home) } catch {
                await home.remove()
                throw error
            }
            await home.remove()
            await Slots.daemons.giveBack()
            return result
        } catch {
            await Slots.daemons.giveBack()
            throw error
        }
    }

    /// A second home of the same test, or one that `use` would not fit; the caller removes it.
    init() throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw HarnessError("there is no \(Self.binary): make build, or set SHUNT_BINARY")
        }
        var template = Array("/tmp/shunt-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw HarnessError("mkdtemp", errno) }
        base = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        work = base + "/work"
        variables = ["SHUNT_HOME": base + "/home"]
        try FileManager.default.createDirectory(
            atPath: base + "/work", withIntermediateDirectories: true)
    }

    // MARK: Commands

    /// Runs `shunt` to its end.
    func run(
        _ arguments: [String], cwd: String? = nil, stdin: StandardInput = .null,
        env: [String: String] = [:], within limit: Duration = .seconds(60)
    ) async throws -> Outcome {
        try await start(arguments, cwd: cwd, stdin: stdin, env: env).outcome(within: limit)
    }

    func run(_ arguments: String...) async throws -> Outcome { try await run(arguments) }

    /// Starts `shunt` and returns at once.
    func start(
        _ arguments: [String], cwd: String? = nil, stdin: StandardInput = .null,
        env: [String: String] = [:]
    ) throws -> Command {
        try Command(
            ([Self.binary] + arguments).map { Array($0.utf8) }, directory: cwd ?? work,
            environment: environment(env), input: stdin)
    }

    /// Runs a line of shell in the working directory, with `shunt` in `PATH`.
    func shell(
        _ line: String, cwd: String? = nil, env: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws -> Outcome {
        let words = ["/bin/sh", "-c", line].map { Array($0.utf8) }
        return try await Command(
            words, directory: cwd ?? work, environment: environment(env)
        ).outcome(within: limit)
    }

    func environment(_ extra: [String: String] = [:]) -> [String: String] {
        var result = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("SHUNT_") && !Self.omitted.contains($0.key)
        }
        let directory = URL(fileURLWithPath: Self.binary).deletingLastPathComponent().path
        result["PATH"] = directory + ":" + (result["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
        result["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        return result.merging(variables) { $1 }.merging(extra) { $1 }
    }

    /// What would lead a command to the agent, or into the environment, of whoever runs the tests.
    private static let omitted = ["SSH_AUTH_SOCK", "VIRTUAL_ENV", "CONDA_PREFIX"]

    // MARK: Jobs

    /// Submits a job and returns its ID.
    func submit(_ command: String..., options: [String] = []) async throws -> String {
        let outcome = try await run(["submit"] + options + ["--"] + command)
        guard outcome.code == 0 else {
            throw HarnessError("submit ended with \(outcome.code): \(outcome.errorText)")
        }
        return outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `inspect -o json` of a job.
    func inspect(_ job: String) async throws -> JSON {
        let outcome = try await run("inspect", job, "-o", "json")
        guard outcome.code == 0 else {
            throw HarnessError("inspect ended with \(outcome.code): \(outcome.errorText)")
        }
        return try JSON(parsing: outcome.output)
    }

    /// The ID of the latest job, which `run` does not print.
    func latestJob() async throws -> String {
        let jobs = try JSON(parsing: try await run("ps", "-a", "-o", "json").output)
        guard let id = jobs[0]["id"].string else { throw HarnessError("no job in ps -a") }
        return id
    }

    // MARK: Files

    func path(_ name: String) -> String { work + "/" + name }

    func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    /// Writes a file below the working directory, and the directories above it.
    func write(_ name: String, _ data: Data) throws {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    // MARK: The end

    /// Ends every process that belongs to this home and removes its files.
    func remove() async {
        let ended = await eventually(within: .seconds(20)) {
            let left = ProcessTable.processes(naming: base)
            for process in left { kill(process.pid, SIGKILL) }
            return left.isEmpty
        }
        if !ended { print("processes of \(base) are left") }
        noteCrashes()
        // What cannot be removed stays in /tmp, which is nobody's test failure.
        try? FileManager.default.removeItem(atPath: base)
        // Likewise.
        try? FileManager.default.removeItem(atPath: runtimeDirectory)
        // Likewise.
        try? FileManager.default.removeItem(atPath: memoryDirectory)
    }

    /// A process that crashes is started again, and the test may not notice: its log does.
    private func noteCrashes() {
        for log in [
            root + "/coordinator/coordinator.log", root + "/agent/agent.log",
            base + "/agent/agent.log",
        ] {
            // Not every home has each of them.
            guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { continue }
            for word in ["Precondition failed", "Fatal error", "Program crashed"]
            where text.contains(word) {
                let lines = text.split(separator: "\n").filter { $0.contains(word) }
                Issue.record("\(log): \(lines.joined(separator: "; "))")
            }
        }
    }

    /// The socket directory that `HomeLayout` computes for this home; FNV-1a, as it says.
    var runtimeDirectory: String {
        let machine = Self.machineID ?? "host:" + ProcessInfo.processInfo.hostName
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(root)\u{0}\(machine)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        return "/tmp/shunt-\(geteuid())-\(padded)"
    }

    /// Where secrets of this home are while they are needed.
    var memoryDirectory: String { runtimeDirectory.replacing("/tmp/", with: "/dev/shm/") }

    private static let machineID: String? = {
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
            // Containers often have neither; the host's name stands in for it.
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
            let digits = text.prefix { $0.isHexDigit }
            if digits.count == 32 { return String(digits) }
        }
        return nil
    }()
}
