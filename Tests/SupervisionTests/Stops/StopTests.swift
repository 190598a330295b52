internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// Ending a tree, with a cgroup and without.
@Suite struct StopTests {
    static let policies: [LaunchPlan.KillPolicy] = [.automatic, .members, .sweep]

    /// Forks twice, makes a session of its own, ignores what can be ignored, forgets its token and
    /// keeps forking. Its pid stands in `escaped`.
    static func escapee(in root: String) -> String {
        """
        (setsid env -i /bin/sh -c 'trap "" TERM HUP INT; echo $$ > \(root)/escaped.tmp
        mv \(root)/escaped.tmp \(root)/escaped
        while :; do /bin/sleep 0.01; done' &)

        """
    }

    func escapedPID(_ harness: TaskHarness) throws -> pid_t {
        try harness.waitForFile("escaped")
        let text = String(
            decoding: try #require(Files.read(harness.root + "/escaped")), as: UTF8.self)
        return try #require(pid_t(text.dropLast()))
    }

    func expectNothingLeft(_ harness: TaskHarness, _ escaped: pid_t, _ record: EndedRecord) {
        #expect(!Processes.isAlive(escaped))
        #expect(!Processes.all.contains { Processes.has(harness.plan.token, $0) })
        #expect(access("/sys/fs/cgroup/unified/shunt-\(harness.plan.name)", F_OK) != 0)
        #expect(access("/sys/fs/cgroup/shunt-\(harness.plan.name)", F_OK) != 0)
        if harness.plan.killPolicy == .sweep { #expect(record.killMethod == .sweep) }
    }

    @Test(arguments: policies)
    func nothingEscapesACancel(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(shell: "", kill: policy)
        harness.plan.command = .shell(Array((Self.escapee(in: harness.root) + "sleep 1000").utf8))
        _ = try harness.prepareAndSupervise()
        try harness.release()
        let escaped = try escapedPID(harness)
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(0)))
        let record = try harness.end()
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
        expectNothingLeft(harness, escaped, record)
    }

    @Test(arguments: policies)
    func nothingEscapesTheEndOfTheCommand(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(shell: "", kill: policy)
        let wait = "while [ ! -e \(harness.root)/escaped ]; do sleep 0.01; done; exit 4"
        harness.plan.command = .shell(Array((Self.escapee(in: harness.root) + wait).utf8))
        harness.plan.leftoverGrace = Milliseconds(50)
        let record = try harness.run()
        let escaped = try escapedPID(harness)
        #expect(record.ending == TaskEnding(exit: .exited(code: 4)))
        #expect(record.leftovers >= 1)
        expectNothingLeft(harness, escaped, record)
    }

    @Test(arguments: policies)
    func leftoversMayCleanUp(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(
            shell: """
                (trap 'echo cleaned; exit' TERM; touch ready; while :; do sleep 0.01; done) &
                while [ ! -e ready ]; do sleep 0.01; done; exit 0
                """, kill: policy)
        harness.plan.leftoverGrace = .seconds(60)
        let record = try harness.run()
        #expect(record.ending.exit == .exited(code: 0))
        #expect(try harness.text(.standardOutput) == "cleaned\n")
    }

    @Test func aStopGrantsItsGracePeriod() throws {
        let harness = try TaskHarness(
            shell: "trap 'echo bye; exit 9' TERM; touch ready; while :; do sleep 0.01; done")
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: .seconds(60)))
        #expect(
            try harness.end().ending == TaskEnding(exit: .exited(code: 9), cause: .cancel))
        #expect(try harness.text(.standardOutput) == "bye\n")
    }

    @Test func aLaterStopBringsTheEndNearer() throws {
        let harness = try TaskHarness(
            shell: "trap 'touch told' TERM; touch ready; while :; do sleep 0.01; done")
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: .seconds(600)))
        try harness.waitForFile("told")
        try harness.task.requestStop(StopOrder(cause: .preempt, grace: Milliseconds(0)))
        #expect(
            try harness.end().ending
                == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
    }

    @Test func aNewSupervisorDoesNotGrantTheGracePeriodAgain() throws {
        let harness = try TaskHarness(
            shell: "trap 'touch told' TERM; touch ready; while :; do sleep 0.01; done")
        let supervisor = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(400)))
        try harness.waitForFile("told")
        try harness.killSupervisor(supervisor)
        try harness.startSupervisor()
        let record = try harness.end()
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
        let start = try #require(record.start)
        #expect(record.end.steady - start.steady < .seconds(10))
    }

    @Test(arguments: policies)
    func aCommandThatRunsTooLongIsEnded(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(
            shell: "trap '' TERM; echo begun; while :; do sleep 0.01; done", kill: policy)
        harness.plan.maxDuration = Milliseconds(300)
        harness.plan.stopGrace = Milliseconds(100)
        let record = try harness.run()
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .timeout))
        let start = try #require(record.start)
        #expect(record.end.steady - start.steady >= Milliseconds(399))
        #expect(try harness.text(.standardOutput) == "begun\n")
    }

    @Test func aStopThatComesTooLateIsNoCause() throws {
        let harness = try TaskHarness(
            shell: """
                (trap '' TERM; echo $$; touch ready; while :; do sleep 0.01; done) &
                while [ ! -e ready ]; do sleep 0.01; done; exit 6
                """)
        harness.plan.leftoverGrace = .seconds(600)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try Deadline.wait("the exit record", in: harness.task.path) {
            if case .ending = try harness.task.observe().phase { true } else { false }
        }
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(0)))
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 6)))
    }

    @Test func signalsReachTheCommandsGroupAndAreNoStop() throws {
        let harness = try TaskHarness(
            shell: """
                trap 'echo int; exit 0' INT
                sh -c 'trap "echo child int; exit 0" INT; touch ready
                  while :; do sleep 0.01; done' &
                while [ ! -e ready ]; do sleep 0.01; done; wait
                """)
        // A shell's background children ignore SIGINT, so the child is a job of its own shell.
        harness.plan.command = .shell(
            Array(
                """
                trap 'echo int' INT; touch ready; while [ ! -e go ]; do sleep 0.01; done; exit 3
                """.utf8))
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.signal(SIGINT)
        try Deadline.wait("the trap", in: harness.root) {
            try harness.text(.standardOutput) == "int\n"
        }
        try Files.write([], to: harness.root + "/go")
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 3)))
    }

    @Test func aStoppedCommandStillHearsItsStop() throws {
        let harness = try TaskHarness(
            shell: "trap 'exit 8' TERM; touch ready; kill -STOP $$; while :; do sleep 0.01; done")
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: .seconds(60)))
        #expect(
            try harness.end().ending == TaskEnding(exit: .exited(code: 8), cause: .cancel))
    }

    /// A process that the v1 freezer holds survives SIGKILL until it is let go, as one in an
    /// uninterruptible sleep does.
    @Test(.enabled(if: Freezer.isThere, "only root, and only where the v1 freezer is mounted"))
    func whatTheKernelHoldsIsNamedAndWaitedFor() throws {
        let harness = try TaskHarness(shell: "exec sleep 1000", kill: .sweep)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        let process = try harness.running()
        let freezer = try Freezer(holding: process.mainPID)
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(0)))
        try Deadline.wait("the name of the survivor", in: harness.task.path) {
            try harness.task.observe().survivors == [process.mainPID]
        }
        try freezer.thaw()
        #expect(
            try harness.end().ending
                == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
    }

    /// As root, a job may make cgroups of its own inside its cgroup.
    @Test(.enabled(if: geteuid() == 0, "only root may make cgroups everywhere"))
    func cgroupsOfTheJobGoWithIt() throws {
        let harness = try TaskHarness(
            shell: """
                own=$(sed -n 's/^0:://p' /proc/self/cgroup)
                for mount in /sys/fs/cgroup/unified /sys/fs/cgroup; do
                  if [ -d $mount/$own ]; then mkdir -p $mount/$own/a/b; break; fi
                done
                (echo $mount/$own
                  sh -c 'echo $$ > '$mount/$own'/a/b/cgroup.procs; exec sleep 1000')
                """)
        harness.plan.leftoverGrace = Milliseconds(10)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        let process = try harness.running()
        guard let cgroup = process.cgroup else { return }
        try Deadline.wait("the inner cgroup", in: harness.root) {
            Files.read(cgroup + "/a/b/cgroup.procs")?.isEmpty == false
        }
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(0)))
        let record = try harness.end()
        #expect(record.killMethod == .cgroup)
        try Deadline.wait("the end of init", in: harness.task.path) {
            try !harness.task.observe().initAlive
        }
        #expect(access(cgroup, F_OK) != 0)
    }

    @Test(arguments: policies)
    func aForkingCrowdIsEnded(_ policy: LaunchPlan.KillPolicy) throws {
        let harness = try TaskHarness(
            shell: """
                crowd() { while :; do (setsid sleep 60 &) ; sleep 0.01; done; }
                crowd & crowd & crowd & crowd & touch ready; wait
                """, kill: policy)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: Milliseconds(0)))
        let record = try harness.end()
        expectNothingLeft(harness, 0, record)
    }
}

/// A cgroup of the v1 freezer with one frozen process.
struct Freezer {
    static let root = "/sys/fs/cgroup/freezer"
    static var isThere: Bool { geteuid() == 0 && access(root + "/tasks", W_OK) == 0 }

    private let path: String

    init(holding pid: pid_t) throws {
        path = Self.root + "/shunt-test-\(pid)"
        mkdir(path, 0o755)
        try Files.write(Array("\(pid)".utf8), to: path + "/cgroup.procs")
        try Files.write(Array("FROZEN".utf8), to: path + "/freezer.state")
        try Deadline.wait("the frost", in: "/tmp") {
            Files.read(path + "/freezer.state") == Array("FROZEN\n".utf8)
        }
    }

    func thaw() throws {
        try Files.write(Array("THAWED".utf8), to: path + "/freezer.state")
        try Deadline.wait("the cgroup's end", in: "/tmp") { rmdir(path) == 0 }
    }
}
