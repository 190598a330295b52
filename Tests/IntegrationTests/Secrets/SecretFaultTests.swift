import Foundation
import Lab
import Testing

/// Secrets of jobs while parts of the product are killed, and when memory has lost them.
@Suite struct SecretFaultTests {
    @Test func aJobThatWaitsHasThemAfterEverythingWasKilled() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let blocker = try await home.occupy()
            let id = try await submit(trace, home)
            #expect(try await home.inspect(id)["state"].string == "queued")
            #expect(home.kill9([.coordinator, .agent]) == 2)
            try await trace.expectNone(in: home, job: id)
            #expect(try await home.run("cancel", "--now", blocker).code == 0)
            try await expectRan(id, trace, home)
        }
    }

    @Test(arguments: [[Part.agent], [.agent, .supervisor], [.coordinator, .agent, .supervisor]])
    func nothingIsLeftWhereWhatKeptThemWasKilled(parts: [Part]) async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let mark = home.base + "/go"
            let script = """
                \(SecretTrace.prove("T")); while [ ! -e \(mark) ]; do sleep 0.05; done
                sha256sum <$SHUNT_SECRETS/T
                """
            let id = try await home.submit(
                ["sh", "-c", script], options: ["--secret", "T"], env: ["T": trace.value])
            let proof = try await trace.proof(home)
            let runs = try await eventually { try await home.run("logs", id).text == proof }
            #expect(runs)
            #expect(home.kill9(Set(parts)) == parts.count)
            #expect(FileManager.default.createFile(atPath: mark, contents: nil))
            #expect(try await home.run("wait", id).text.contains("0"))
            #expect(try await home.run("logs", id).text == proof + proof)
            await trace.expectMemoryIsClear([home.memoryDirectory])
            try await trace.expectNone(in: home, job: id)
        }
    }

    /// An agent that never heard of the first one: it is certain that it did not run.
    @Test func anotherAttemptHasThem() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            let agents = home.pids(of: [.agent])
            for pid in agents { kill(pid, SIGSTOP) }
            let id = try await submit(trace, home, quietly: true)
            #expect(try await home.inspect(id)["phase"].string == "dispatching")
            for pid in agents { kill(pid, SIGKILL) }
            try await expectRan(id, trace, home)
            #expect(try await home.inspect(id)["attempt"].int == 2)
        }
    }

    /// As after the machine was started anew.
    @Test func aJobWhoseSecretsAreGoneEndsAndSaysSo() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let blocker = try await home.occupy()
            let early = try await submit(trace, home)
            home.kill9([.coordinator])
            try FileManager.default.removeItem(atPath: home.memoryDirectory)
            // The next command starts a coordinator, which finds nothing.
            #expect(try await home.run("wait", early).text.contains("125"))
            try await expectLost(early, home)
            // And one that lives finds nothing when it is asked.
            let late = try await submit(trace, home)
            try FileManager.default.removeItem(atPath: home.memoryDirectory)
            #expect(try await home.run("cancel", "--now", blocker).code == 0)
            #expect(try await home.run("wait", late).text.contains("125"))
            try await expectLost(late, home)
            try await trace.expectNone(in: home, job: late)
        }
    }

    /// What a coordinator kept for a job that never came to be, or is over.
    @Test func whatAKilledCoordinatorKeptForNobodyIsRemoved() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            home.kill9([.coordinator, .agent])
            for role in ["coordinator/key-00", "agent/7f3k2a.1.0-abc"] {
                let path = "\(home.memoryDirectory)/\(role)"
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700])
                try Data(trace.value.utf8).write(to: URL(fileURLWithPath: path + "/T"))
            }
            #expect(try await home.run("run", "-q", "--", "true").code == 0)
            await trace.expectMemoryIsClear([home.memoryDirectory])
        }
    }

    /// A file on a disk would outlive the machine.
    @Test(.enabled(if: geteuid() == 0, "a mount takes root"))
    func withoutMemoryBackedFilesAJobIsRefused() async throws {
        let trace = SecretTrace()
        try await ShuntHome.use { home in
            let hide = "mkdir -p ../disk && mount --bind ../disk /dev/shm"
            let outcome = try await home.shell(
                "unshare -m sh -c '\(hide) && exec shunt run --secret T -- true'",
                env: ["T": trace.value])
            #expect(outcome.code == 125)
            expectRemedy(outcome, naming: "/dev/shm", "tmpfs")
            #expect(try await home.jobs().isEmpty)
            try await trace.expectNone(in: home)
        }
    }

    // MARK: Steps

    /// - Parameter quietly: without a plan, for which the agent is asked.
    private func submit(
        _ trace: SecretTrace, _ home: ShuntHome, quietly: Bool = false
    ) async throws -> String {
        try await home.submit(
            ["sh", "-c", SecretTrace.prove("T")],
            options: ["--secret", "T"] + (quietly ? ["-q"] : []), env: ["T": trace.value])
    }

    private func expectRan(
        _ id: String, _ trace: SecretTrace, _ home: ShuntHome,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let waited = try await home.run(["wait", id], within: .seconds(90))
        #expect(waited.code == 0, "\(waited.errorText)", sourceLocation: location)
        let proof = try await trace.proof(home)
        let logs = try await home.run("logs", id)
        #expect(logs.text == proof, "\(logs.errorText)", sourceLocation: location)
        await trace.expectMemoryIsClear([home.memoryDirectory], at: location)
        try await trace.expectNone(in: home, job: id, at: location)
    }

    private func expectLost(_ id: String, _ home: ShuntHome) async throws {
        let view = try await home.inspect(id)
        #expect(view["state"].string == "failed")
        #expect(view["reason"].string?.contains("its secrets are gone") == true)
        #expect(view["started_at"] == .null)
        #expect(try await home.run("logs", id).text.isEmpty)
    }
}
