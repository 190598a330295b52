@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// `kill -9` of supervisor and init at any moment.
@Suite struct CrashTests {
    /// Writes 100 MB that never repeat within themselves, without a child.
    static func writeNoise(_ count: Int, seed: UInt64, to path: String) throws -> [UInt8] {
        var random = SplitMix64(seed: seed)
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            let words = UnsafeMutableRawBufferPointer(buffer)
            for at in stride(from: 0, to: count - 7, by: 8) {
                words.storeBytes(of: random.next(), toByteOffset: at, as: UInt64.self)
            }
            used = count
        }
        try Files.write(bytes, to: path)
        return bytes
    }

    /// With it goes all that could testify; no agent needs to be there.
    @Test func aTaskWhoseDirectoryIsRemovedIsEndedByItsSupervisor() throws {
        let harness = try TaskHarness(shell: "setsid sleep 1000 & touch begun; sleep 1000")
        let supervisor = try harness.prepareAndSupervise()
        try harness.release()
        let process = try harness.running()
        try harness.waitForFile("begun")
        TemporaryDirectory.remove(harness.task.path)
        #expect(try harness.waitForSupervisor(supervisor) == 1 << 8)
        #expect(!Processes.isAlive(process.process.pid))
        #expect(!Processes.all.contains { Processes.has(harness.plan.token, $0) })
        if let cgroup = process.cgroup { #expect(access(cgroup, F_OK) != 0) }
    }

    @Test func killingSupervisorsMidOutputLosesAndDoublesNothing() throws {
        let seed = Seed.make()
        var random = SplitMix64(seed: seed)
        let harness = try TaskHarness(shell: "cat noise; head -c 20000000 noise >&2; exit 3")
        let noise = try Self.writeNoise(100_000_000, seed: seed, to: harness.root + "/noise")
        var supervisor = try harness.prepareAndSupervise()
        try harness.release()
        var kills = 0
        var last: UInt64 = 0
        while true {
            let goal = last + UInt64.random(in: 1...6_000_000, using: &random)
            try Deadline.wait("output", in: harness.task.path) {
                last = logSize(harness)
                if case .ended = try harness.task.observe().phase { return true }
                return last >= goal
            }
            if case .ended = try harness.task.observe().phase { break }
            try harness.killSupervisor(supervisor)
            kills += 1
            supervisor = try harness.startSupervisor()
        }
        let record = try harness.end()
        print("killed \(kills) supervisors; SHUNT_SEED=\(seed)")
        #expect(kills >= 3)
        #expect(record.ending == TaskEnding(exit: .exited(code: 3)))
        #expect(try harness.logged(.standardOutput) == noise)
        #expect(try harness.logged(.standardError) == Array(noise[..<20_000_000]))
        #expect(record.droppedOutput == 0 && record.droppedErrors == 0)
    }

    /// Bytes of all segments, without looking into them.
    private func logSize(_ harness: TaskHarness) -> UInt64 {
        // As long as there is no log, it is empty.
        guard let directory = try? OwnedDescriptor.open(harness.task.logPath, O_RDONLY),
            let start = try? LogSegments.list(in: directory).last,
            let file = try? directory.open(LogSegments.name(startingAt: start), O_RDONLY),
            let size = try? LogSegments.size(of: file, "log")
        else { return 0 }
        return start + size
    }

    @Test(arguments: StopTests.policies)
    func initThatIsKilledVanishesWithItsTree(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(shell: "", kill: policy)
        harness.plan.command = .shell(
            Array(("echo begun; " + StopTests.escapee(in: harness.root) + "sleep 1000").utf8))
        _ = try harness.prepareAndSupervise()
        try harness.release()
        let escaped = try StopTests().escapedPID(harness)
        let process = try harness.running()
        kill(process.process.pid, SIGKILL)
        let record = try harness.end()
        #expect(record.ending == TaskEnding(exit: .vanished))
        #expect(record.start != nil)
        #expect(try harness.text(.standardOutput) == "begun\n")
        StopTests().expectNothingLeft(harness, escaped, record)
        #expect(!Processes.isAlive(process.mainPID))
    }

    /// With nobody left to inherit the orphans, the cgroup or the token finds them.
    @Test(arguments: StopTests.policies)
    func initAndSupervisorKilledTogetherLeaveNothing(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(
            shell: "(setsid sh -c 'trap \"\" TERM; while :; do sleep 0.01; done' &); sleep 1000",
            kill: policy)
        let supervisor = try harness.prepareAndSupervise()
        try harness.release()
        let process = try harness.running()
        kill(supervisor, SIGSTOP)
        kill(process.process.pid, SIGKILL)
        try harness.killSupervisor(supervisor)
        try Deadline.wait("init's end", in: harness.task.path) {
            if case .vanishing = try harness.task.observe().phase { true } else { false }
        }
        #expect(try harness.task.observe().needsSupervisor)
        try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending.exit == .vanished)
        StopTests().expectNothingLeft(harness, 0, record)
    }

    @Test func outputWaitsForTheNextSupervisor() throws {
        let harness = try TaskHarness(shell: "echo one; touch wrote; exec sleep 0.2")
        let supervisor = try harness.prepareAndSupervise()
        try harness.barrier()
        try harness.killSupervisor(supervisor)
        #expect(try harness.task.release())
        try harness.waitForFile("wrote")
        try Deadline.wait("the tree's end", in: harness.task.path) {
            access(harness.task.path + "/tree", F_OK) == 0
        }
        let before = try harness.task.observe()
        #expect(before.initAlive && before.needsSupervisor)
        try harness.startSupervisor()
        #expect(try harness.end().ending.exit == .exited(code: 0))
        #expect(try harness.text(.standardOutput) == "one\n")
    }

    /// Kills the supervisor when each file of its task appears, in turn: its steps are few, and
    /// this walks through all of them.
    @Test(arguments: ["init.ready", "running", "exit", "tree", "ended", "log"])
    func aSupervisorThatIsKilledAtAStepIsReplaced(_ step: String) throws {
        let harness = try TaskHarness(shell: "echo out; exit 5")
        let supervisor = try harness.prepareAndSupervise()
        if step != "init.ready", step != "log" { try harness.release() }
        let path = harness.task.path + "/" + step
        try Deadline.wait(step, in: harness.task.path) { access(path, F_OK) == 0 }
        try harness.killSupervisor(supervisor)
        let next = try harness.startSupervisor()
        if step == "init.ready" || step == "log" { try harness.release() }
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 5)))
        #expect(try harness.text(.standardOutput) == "out\n")
        #expect(try harness.waitForSupervisor(next) == 0)
        try Deadline.wait("init's end", in: harness.task.path) {
            try !harness.task.observe().initAlive
        }
    }

    @Test func initThatIsKilledAfterTheExitRecordChangesNothing() throws {
        let harness = try TaskHarness(shell: "echo out; exit 5")
        let supervisor = try harness.prepareAndSupervise()
        let process = try harness.barrier()
        kill(supervisor, SIGSTOP)
        try harness.task.release()
        try Deadline.wait("the tree's end", in: harness.task.path) {
            access(harness.task.path + "/tree", F_OK) == 0
        }
        kill(process.process.pid, SIGKILL)
        kill(supervisor, SIGCONT)
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 5)))
        #expect(try harness.text(.standardOutput) == "out\n")
    }

    @Test func signalsToInitAndSupervisorDoNothing() throws {
        let harness = try TaskHarness(shell: "while [ ! -e go ]; do sleep 0.01; done; exit 2")
        let supervisor = try harness.prepareAndSupervise()
        try harness.release()
        let process = try harness.running()
        for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGCHLD] {
            kill(supervisor, number)
            kill(process.process.pid, number)
        }
        try Files.write([], to: harness.root + "/go")
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 2)))
        #expect(try harness.waitForSupervisor(supervisor) == 0)
    }
}

/// A seeded generator (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

enum Seed {
    /// From `SHUNT_SEED`, else a new one; printed either way.
    static func make(_ what: String = #function) -> UInt64 {
        let given = getenv("SHUNT_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("\(what): SHUNT_SEED=\(seed)")
        return seed
    }
}
