@testable internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// No command runs before it is released, whatever dies or is asked meanwhile.
@Suite struct BarrierTests {
    @Test func nothingRunsWithoutGo() throws {
        let harness = try TaskHarness(shell: "echo ran; touch ran")
        let supervisor = try harness.prepareAndSupervise()
        let process = try harness.barrier()
        #expect(Processes.isAlive(process.mainPID))
        // A signal is not a release, nor is a new supervisor.
        try harness.task.signal(SIGTERM)
        try harness.killSupervisor(supervisor)
        try harness.startSupervisor()
        #expect(try harness.barrier() == process)
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: .seconds(60)))
        let record = try harness.end()
        #expect(record.ending == TaskEnding(exit: .neverStarted, cause: .cancel))
        #expect(record.start == nil)
        #expect(record.logLength == 0)
        #expect(access(harness.root + "/ran", F_OK) != 0)
        #expect(!Processes.isAlive(process.mainPID))
    }

    @Test func aTaskThatIsStoppedBeforeItsLaunchNeverHasAnInit() throws {
        let harness = try TaskHarness(shell: "touch ran")
        try harness.task.prepare(harness.plan)
        try harness.task.requestStop(StopOrder(cause: .preempt, grace: .seconds(5)))
        let supervisor = try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending == TaskEnding(exit: .neverStarted, cause: .preempt))
        #expect(try harness.waitForSupervisor(supervisor) == 0)
        #expect(access(harness.task.path + "/init.ready", F_OK) != 0)
    }

    @Test func initThatIsKilledAtTheBarrierTakesTheChildAlong() throws {
        let harness = try TaskHarness(shell: "touch ran")
        _ = try harness.prepareAndSupervise()
        let process = try harness.barrier()
        kill(process.process.pid, SIGKILL)
        #expect(try harness.end().ending.exit == .vanished)
        #expect(access(harness.root + "/ran", F_OK) != 0)
        #expect(!Processes.isAlive(process.mainPID))
        #expect(try !harness.task.release())
    }

    @Test func releasingTwiceRunsOnce() throws {
        let harness = try TaskHarness(shell: "echo ran >> runs; while [ ! -e go ]; do sleep 0.01; done")
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.task.release()
        try harness.running()
        try harness.task.release()
        try Files.write([], to: harness.root + "/go")
        #expect(try harness.end().ending.exit == .exited(code: 0))
        #expect(Files.read(harness.root + "/runs") == Array("ran\n".utf8))
    }

    @Test func preparingAgainChangesNothingThatWasLaunched() throws {
        let harness = try TaskHarness(shell: "echo first")
        _ = try harness.prepareAndSupervise()
        try harness.barrier()
        var other = harness.plan
        other.command = .shell(Array("echo second".utf8))
        try harness.task.prepare(other)
        try harness.release()
        #expect(try harness.end().ending.exit == .exited(code: 0))
        #expect(try harness.text(.standardOutput) == "first\n")
        try harness.task.prepare(other)
        #expect(try harness.task.observe().phase == .ended(try harness.end()))
    }

    @Test func aSecondSupervisorStepsBack() throws {
        let harness = try TaskHarness(shell: "true")
        _ = try harness.prepareAndSupervise()
        try harness.barrier()
        let second = try harness.startSupervisor()
        #expect(try harness.waitForSupervisor(second) == 75 << 8)
        try harness.release()
        #expect(try harness.end().ending.exit == .exited(code: 0))
    }

    @Test func aSecondInitStepsBack() throws {
        let harness = try TaskHarness(shell: "echo once")
        _ = try harness.prepareAndSupervise()
        let process = try harness.barrier()
        let other = ChildProcess(
            executable: Binaries.initProgram,
            arguments: [Binaries.initProgram, harness.task.path], standardError: "/dev/null")
        let pid = try other.spawn()
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        #expect(status == 75 << 8)
        #expect(try harness.barrier() == process)
        try harness.release()
        _ = try harness.end()
        #expect(try harness.text(.standardOutput) == "once\n")
        // Nor does one that comes after the end, when the lock is free.
        let late = try other.spawn()
        waitpid(late, &status, 0)
        #expect(status == 75 << 8)
    }

    @Test func aPlanOfAnEarlierBootIsNotLaunched() throws {
        let harness = try TaskHarness(shell: "touch ran")
        try harness.task.prepare(harness.plan)
        let stale = try LaunchFile(plan: harness.plan, bootID: "another boot").encoded()
        try Files.write(stale, to: harness.task.path + "/launch")
        try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending.exit == .neverStarted)
        #expect(record.problem == "the machine was started anew")
    }

    @Test func everyStepIsObserved() throws {
        let harness = try TaskHarness(shell: "while [ ! -e go ]; do sleep 0.01; done")
        #expect(try harness.task.observe().phase == .notLaunched)
        try harness.task.prepare(harness.plan)
        let prepared = try harness.task.observe()
        #expect(prepared.phase == .launching)
        #expect(prepared.needsSupervisor)
        let supervisor = try harness.startSupervisor()
        try harness.barrier()
        let waiting = try harness.task.observe()
        #expect(waiting.supervisorAlive && waiting.initAlive && !waiting.needsSupervisor)
        try harness.release()
        try harness.running()
        try Files.write([], to: harness.root + "/go")
        _ = try harness.end()
        #expect(try harness.waitForSupervisor(supervisor) == 0)
        let ended = try harness.task.observe()
        #expect(!ended.supervisorAlive && !ended.initAlive && !ended.needsSupervisor)
    }
}
