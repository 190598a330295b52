import Foundation
import Lab
import Testing

/// A home of Shunt, and an SSH configuration of its own through which its `shunt` reaches a worker
/// of the lab. `use` ends and removes whatever came of it on either side.
///
/// | path | what |
/// |---|---|
/// | `base/ssh_config` | what `SHUNT_SSH_CONFIG` names |
/// | the account's home | what a job on the worker may write to, and root may read |
struct RemoteLab: Sendable {
    var home: ShuntHome
    let host: LabHost

    static let reason: Comment = "an account of its own takes root"

    /// What the host is called in the configuration, and as a worker.
    var name: String { host.alias }

    /// Runs a test with a host and a home of its own.
    ///
    /// - Parameter isEnrolled: whether the host is made a worker before the test begins.
    static func use<Result: Sendable>(
        _ options: LabHost.Options = LabHost.Options(), isEnrolled: Bool = true,
        _ body: (RemoteLab) async throws -> Result
    ) async throws -> Result {
        try await ShuntHome.use { home in
            let lab = try RemoteLab(home: home, host: LabHost(options))
            do {
                if isEnrolled { try await lab.add(lab.name) }
                let result = try await body(lab)
                await lab.remove()
                return result
            } catch {
                await lab.remove()
                throw error
            }
        }
    }

    private init(home: ShuntHome, host: LabHost) throws {
        self.home = home
        self.host = host
        self.home.variables["SHUNT_SSH_CONFIG"] = configuration
        try configure([host.entry])
    }

    private func remove() async {
        await home.remove()
        host.remove()
    }

    // MARK: The one of a suite

    /// Runs a test in the home and on the worker that its suite shares, in a working directory of
    /// its own and over a link without faults.
    static func shared<Result: Sendable>(
        _ body: (RemoteLab) async throws -> Result
    ) async throws -> Result {
        guard var lab = SharedWorker.current else { throw HarnessError("no .sharedWorker") }
        lab.home.work = "\(lab.home.base)/work-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(
            atPath: lab.home.work, withIntermediateDirectories: false)
        defer { lab.mendLink() }
        return try await body(lab)
    }

    /// Takes every fault from the link.
    func mendLink() {
        host.relay.thaw()
        host.relay.restore()
        host.relay.setCutoff(nil)
        host.relay.setDelay(.zero)
        host.relay.setRate(bitsPerSecond: nil)
    }

    /// Ends every connection so that both sides see it, and lets none come about.
    func breakLink() {
        host.relay.cut(arrivals: .refused)
        host.relay.reset()
    }

    // MARK: Commands

    var configuration: String { home.base + "/ssh_config" }

    /// Writes the SSH configuration anew.
    func configure(_ hosts: [ClientHost]) throws {
        try ClientHost.write(hosts, to: configuration)
    }

    /// Adds a worker and requires that it went well.
    func add(
        _ words: String..., at location: SourceLocation = #_sourceLocation
    ) async throws {
        let outcome = try await home.run(["worker", "add"] + words)
        try #require(outcome.code == 0, "\(outcome.errorText)", sourceLocation: location)
    }

    /// A worker as `worker ls -o json` shows it; `null` where it is not there.
    func worker(_ name: String? = nil) async throws -> JSON {
        let listed = try await home.run("worker", "ls", "-o", "json")
        return try JSON(parsing: listed.output).items
            .first { $0["name"].string == name ?? self.name } ?? .null
    }

    /// Runs a job on the worker to its end.
    func run(
        _ command: String..., options: [String] = [], within limit: Duration = .seconds(60)
    ) async throws -> Outcome {
        try await home.run(
            ["run", "--on", name] + options + ["--"] + command, within: limit)
    }

    /// A job that counts its starts where its account may write.
    func countingJob() throws -> CountingJob { try CountingJob(home, marksIn: host.account.home) }
}

/// A home and an enrolled worker for the tests of a suite, which use them one after another: a host
/// takes half a second, and its enrolment two.
struct SharedWorker: SuiteTrait, TestScoping {
    @TaskLocal static var current: RemoteLab?

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await RemoteLab.use { lab in
            try await Self.$current.withValue(lab) { try await function() }
        }
    }
}

extension Trait where Self == SharedWorker {
    static var sharedWorker: Self { SharedWorker() }
}

extension LabHost {
    /// Ends it and removes what it left, outside of its home too.
    func remove() {
        let sockets = socketDirectories
        do { try stop() } catch { print("\(alias) is left: \(error)") }
        for path in sockets + memoryDirectories + (account.isOwn ? engineDirectories : []) {
            // What cannot be removed stays in /tmp, which is nobody's test failure.
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// Where agents of the account listen.
    var socketDirectories: [String] {
        // An unreadable /tmp has none.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []
        return names.filter { $0.hasPrefix("shunt-\(account.entry.uid)-") }.map { "/tmp/" + $0 }
    }

    /// Where agents of the account keep secrets while they are needed.
    var memoryDirectories: [String] {
        // Without the place there are none.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
        return names.filter { $0.hasPrefix("shunt-\(account.entry.uid)-") }
            .map { "/dev/shm/" + $0 }
    }

    /// Where podman of an account without a login session keeps what is of the moment, as far as it
    /// is there.
    var engineDirectories: [String] {
        ["containers-user", "podman-run"].map { "/tmp/\($0)-\(account.entry.uid)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// Everything in the account's home.
    func homeListing() async throws -> String {
        try await account.shell("find . | LC_ALL=C sort").text
    }

    /// The pids of the account's processes with a word on their command line.
    func pids(running word: String) -> [pid_t] {
        account.processes.map(\.pid).filter { Lab.ProcessTable.command($0).contains(word) }
    }

    /// Of the agent's daemon. What it has just started has its command line until the new program
    /// is there, and is none.
    var agentPids: [pid_t] {
        let found = account.processes.filter {
            Lab.ProcessTable.command($0.pid).contains("daemon")
        }
        let pids = Set(found.map(\.pid))
        return found.filter { !pids.contains($0.parent) }.map(\.pid)
    }
}
