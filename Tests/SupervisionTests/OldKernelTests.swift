@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// The same on Linux 4.18: no pidfd, no `clone3`, no `close_range`.
@Suite struct OldKernelTests {
    private func supervise(_ harness: TaskHarness) throws -> pid_t {
        try harness.task.prepare(harness.plan)
        return try start(harness)
    }

    private func start(_ harness: TaskHarness) throws -> pid_t {
        let old = Binaries.folder + "/old-kernel"
        return try ChildProcess(
            executable: old,
            arguments: [old, Binaries.agent, "supervise", harness.task.path],
            standardError: harness.task.path + "/supervisor.err"
        ).spawn()
    }

    private func reap(_ pid: pid_t) {
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    @Test(arguments: StopTests.policies)
    func aTaskRunsAndNothingEscapes(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(shell: "", kill: policy)
        let wait = "while [ ! -e \(harness.root)/escaped ]; do sleep 0.01; done; echo out; exit 4"
        harness.plan.command = .shell(
            Array((StopTests.escapee(in: harness.root) + wait).utf8))
        harness.plan.leftoverGrace = Milliseconds(20)
        let supervisor = try supervise(harness)
        try harness.release()
        let record = try harness.end()
        reap(supervisor)
        #expect(record.ending == TaskEnding(exit: .exited(code: 4)))
        #expect(try harness.text(.standardOutput) == "out\n")
        StopTests().expectNothingLeft(harness, try StopTests().escapedPID(harness), record)
    }

    @Test(arguments: StopTests.policies)
    func initThatIsKilledIsNoticed(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(shell: "sleep 1000 & sleep 1000", kill: policy)
        let supervisor = try supervise(harness)
        try harness.release()
        let process = try harness.running()
        // Once by the supervisor that started it, once by one that did not.
        kill(supervisor, SIGKILL)
        reap(supervisor)
        let next = try start(harness)
        kill(process.process.pid, SIGKILL)
        let record = try harness.end()
        reap(next)
        #expect(record.ending.exit == .vanished)
        StopTests().expectNothingLeft(harness, process.mainPID, record)
    }

    /// Without `mount_setattr`.
    @Test(.enabled(if: geteuid() == 0, "mounts there take root"))
    func dataIsMountedReadOnly() throws {
        let harness = try TaskHarness(shell: "")
        let source = harness.root + "/source"
        let target = harness.root + "/target"
        for path in [source, target] { try #require(mkdir(path, 0o755) == 0) }
        harness.plan.command = .shell(
            Array("touch \(source)/made; ls \(target); touch \(target)/x || echo refused".utf8))
        harness.plan.mounts = [
            LaunchPlan.Mount(source: Array(source.utf8), target: Array(target.utf8))
        ]
        let supervisor = try supervise(harness)
        try harness.release()
        _ = try harness.end()
        reap(supervisor)
        #expect(try harness.text(.standardOutput) == "made\nrefused\n")
        #expect(access(target + "/made", F_OK) != 0)
    }

    @Test func theCommandGetsNoDescriptorsButItsOwn() throws {
        let harness = try TaskHarness(shell: "ls /proc/self/fd | tr '\\n' ' '")
        let supervisor = try supervise(harness)
        try harness.release()
        _ = try harness.end()
        reap(supervisor)
        // 3 is the folder that `ls` lists.
        #expect(try harness.text(.standardOutput) == "0 1 2 3 ")
    }
}
