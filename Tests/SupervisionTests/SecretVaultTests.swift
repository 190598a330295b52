internal import AgentService
internal import Dispatch
internal import Foundation
internal import Glibc
internal import JobModel
internal import SecretStore
internal import Synchronization
internal import Testing

/// Secrets from memory-backed files into the environment of a command, and out of the machine.
@Suite struct SecretVaultTests {
    /// A vault of its own, as of an agent that nobody else knows.
    private struct Place {
        let base = "/dev/shm/shunt-test-\(UInt64.random(in: 0...UInt64.max))"

        func vault(_ role: SecretVault.Role = .agent) -> SecretVault {
            SecretVault(besides: "/tmp/\(base.split(separator: "/")[2])/agent.sock", role: role)
        }

        var isGone: Bool { access(base, F_OK) != 0 }
    }

    private static let secrets = [
        Secret(name: "A", bytes: Array("two\nlines = \u{e9}\n".utf8)),
        Secret(name: "_B", bytes: [0x80, 0xff, 0x20]),
    ]

    @Test func theyAreVariablesAndFilesUntilTheTreeIsGone() throws {
        let place = Place()
        try place.vault().put(Self.secrets, under: "t")
        let directory = try place.vault().directory(of: "t")
        let harness = try TaskHarness(
            shell: """
                printf '%s' "$A" | cmp - \(directory)/A && printf '%s' "$_B" | od -An -tx1
                stat -c '%a' \(directory) \(directory)/A; env | grep -c '^A='
                """)
        harness.plan.environment.append(Array("A=older".utf8))
        harness.plan.secrets = LaunchPlan.Secrets(directory: directory, names: ["A", "_B"])
        let record = try harness.run()
        #expect(record.ending.exit == .exited(code: 0))
        #expect(try harness.text(.standardOutput) == " 80 ff 20\n700\n600\n1\n")
        try Deadline.wait("the end of the secrets", in: harness.root) { place.isGone }
        let launch = FileManager.default.contents(atPath: harness.task.path + "/launch") ?? Data()
        #expect(launch.range(of: Data("_B".utf8)) != nil)
        #expect(launch.range(of: Data("two".utf8)) == nil)
    }

    @Test func aCommandWhoseSecretsAreGoneIsNeverExecuted() throws {
        let place = Place()
        try place.vault().put(Self.secrets, under: "t")
        let directory = try place.vault().directory(of: "t")
        let harness = try TaskHarness(shell: "echo ran")
        harness.plan.secrets = LaunchPlan.Secrets(directory: directory, names: ["A", "_B"])
        _ = try harness.prepareAndSupervise()
        try harness.barrier()
        unlink(directory + "/_B")
        try harness.release()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(record.problem?.contains("its secrets cannot be read") == true)
        #expect(try harness.text(.standardOutput).isEmpty)
        try Deadline.wait("the end of the secrets", in: harness.root) { place.isGone }
    }

    @Test func whatIsKeptIsFoundWholeAndGoesByItsKey() throws {
        let place = Place()
        let vault = place.vault(.coordinator)
        try vault.put(Self.secrets, under: "a")
        try vault.put([Self.secrets[0]], under: "b")
        try vault.put(Self.secrets, under: "a")
        #expect(try vault.secrets(["_B", "A"], under: "a") == [Self.secrets[1], Self.secrets[0]])
        #expect(try vault.secrets(["A", "_B"], under: "b") == nil)
        #expect(try place.vault(.agent).holds(["A"], under: "a") == false)
        unlink(try vault.directory(of: "a") + "/A")
        try vault.put(Self.secrets, under: "a")
        #expect(try vault.secrets(["A", "_B"], under: "a") == Self.secrets)
        try vault.removeAll(but: ["b"])
        #expect(try vault.holds(["A"], under: "a") == false)
        #expect(try vault.holds(["A"], under: "b"))
        try vault.remove("b")
        try vault.remove("b")
        #expect(place.isGone)
    }

    /// Directories that are empty go, while others put something there.
    @Test func manyComeAndGoAtOnce() throws {
        let place = Place()
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 200) { number in
            do {
                let vault = place.vault(number % 2 == 0 ? .agent : .coordinator)
                try vault.put(Self.secrets, under: "k\(number)")
                let found = try vault.secrets(["A", "_B"], under: "k\(number)")
                if found != Self.secrets { failures.withLock { $0.append("\(number): lost") } }
                try vault.remove("k\(number)")
            } catch {
                failures.withLock { $0.append("\(number): \(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(place.isGone)
    }

    @Test func aDirectoryThatOthersMayEnterIsNotUsed() throws {
        let place = Place()
        defer { rmdir(place.base) }
        #expect(mkdir(place.base, 0o755) == 0)
        let error = #expect(throws: ShuntError.self) {
            try place.vault().put(Self.secrets, under: "t")
        }
        #expect(error?.message.contains("not this account's alone") == true)
        rmdir(place.base)
        #expect(symlink("/dev/shm", place.base) == 0)
        #expect(throws: ShuntError.self) { try place.vault().put(Self.secrets, under: "t") }
        unlink(place.base)
    }

    @Test func thereIsABoundOfWhatIsKept() throws {
        let place = Place()
        let vault = place.vault(.coordinator)
        let large = (0..<8).map {
            Secret(name: "S\($0)", bytes: [UInt8](repeating: 65, count: SecretLimits.bytes))
        }
        let most = SecretLimits.keptBytes / (8 * SecretLimits.bytes)
        for number in 0..<most { try vault.put(large, under: "k\(number)") }
        let error = #expect(throws: ShuntError.self) { try vault.put(large, under: "more") }
        #expect(error?.code == .refused)
        try vault.removeAll(but: [])
        #expect(place.isGone)
    }
}
