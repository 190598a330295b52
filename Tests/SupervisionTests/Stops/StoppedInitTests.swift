internal import AgentService
internal import Glibc
internal import JobModel
internal import Testing

/// A job has the rights of its account and can keep its init from doing anything. It is ended all
/// the same.
@Suite struct StoppedInitTests {
    /// Runs a shell, whose start is on record when it finds `go`, until it has made `ready`; then
    /// asks for its end.
    private func end(
        _ shell: (TaskHarness) -> String, kill policy: LaunchPlan.KillPolicy = .automatic,
        grace: Milliseconds
    ) throws -> (harness: TaskHarness, record: EndedRecord) {
        let harness = try TaskHarness(shell: "", kill: policy)
        let wait = "while [ ! -e go ]; do sleep 0.01; done\n"
        harness.plan.command = .shell(Array((wait + shell(harness)).utf8))
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.running()
        try Files.write([], to: harness.root + "/go")
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: grace))
        return (harness, try harness.end())
    }

    @Test(arguments: StopTests.policies)
    func aJobThatStoppedItsInitIsCancelled(_ policy: LaunchPlan.KillPolicy) throws {
        let (_, record) = try end(
            { _ in "kill -STOP $PPID; touch ready; sleep 1000" }, kill: policy,
            grace: Milliseconds(0))
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
    }

    @Test func aJobThatStoppedItsInitHasItsGracePeriod() throws {
        let harness = try TaskHarness(
            shell: """
                trap 'exit 8' TERM; touch began
                while [ ! -e go ]; do sleep 0.01; done
                kill -STOP $PPID; touch ready; while :; do sleep 0.01; done
                """)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try harness.waitForFile("began")
        // A command whose start init could not record any more has no grace period.
        try harness.running()
        let go = creat(harness.root + "/go", 0o600)
        #expect(go >= 0)
        close(go)
        try harness.waitForFile("ready")
        try harness.task.requestStop(StopOrder(cause: .cancel, grace: .seconds(60)))
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 8), cause: .cancel))
    }

    @Test(arguments: StopTests.policies)
    func aJobThatStopsItsInitAgainAndAgainIsEnded(_ policy: LaunchPlan.KillPolicy) throws {
        let (harness, record) = try end(
            { _ in
                """
                init=$PPID
                hold() { trap '' TERM; while :; do kill -STOP $init; done; }
                hold & hold & touch ready; hold
                """
            }, kill: policy, grace: Milliseconds(0))
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
        #expect(!Processes.all.contains { Processes.has(harness.plan.token, $0) })
    }

    /// Three bytes too many, and every command after them is torn.
    @Test(arguments: StopTests.policies)
    func aJobThatWroteIntoItsInitsFIFOIsEnded(_ policy: LaunchPlan.KillPolicy) throws {
        let (harness, record) = try end(
            { "printf abc > '\($0.task.path)/control.fifo'; touch ready; sleep 1000" },
            kill: policy, grace: Milliseconds(0))
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
        try Deadline.wait("the end of init", in: harness.task.path) {
            try !harness.task.observe().initAlive
        }
    }

    /// Its own init holds the FIFO open and reads nothing more.
    @Test func aJobThatFilledItsInitsFIFOIsEnded() throws {
        let (_, record) = try end(
            {
                """
                kill -STOP $PPID
                timeout 1 cat /dev/zero > '\($0.task.path)/control.fifo'
                touch ready; sleep 1000
                """
            }, grace: Milliseconds(0))
        #expect(record.ending == TaskEnding(exit: .signalled(signal: SIGKILL), cause: .cancel))
    }

    @Test func anInitThatWasStoppedAfterItsCommandEndedGoesOn() throws {
        let harness = try TaskHarness(
            shell: """
                init=$PPID
                (trap '' TERM; touch ready; while [ ! -e exited ]; do sleep 0.01; done
                kill -STOP $init; sleep 1000) &
                while [ ! -e ready ]; do sleep 0.01; done; exit 3
                """)
        harness.plan.leftoverGrace = .seconds(2)
        _ = try harness.prepareAndSupervise()
        try harness.release()
        try Deadline.wait("the exit record", in: harness.task.path) {
            if case .ending = try harness.task.observe().phase { true } else { false }
        }
        try Files.write([], to: harness.root + "/exited")
        #expect(try harness.end().ending == TaskEnding(exit: .exited(code: 3)))
    }
}
