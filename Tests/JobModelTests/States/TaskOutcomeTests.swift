import Testing

@testable import JobModel

struct TaskOutcomeTests {
    @Test(
        arguments: [
            (.exited(code: 0), 0), (.exited(code: 7), 7), (.exited(code: 255), 255),
            (.signalled(signal: 9), 137), (.signalled(signal: 15), 143),
            (.execFailed(errno: 2), 127), (.execFailed(errno: 20), 127),
            (.execFailed(errno: 13), 126),
            (.execFailed(errno: 8), 126), (.neverStarted, nil), (.vanished, nil),
        ] as [(JobModel.ExitStatus, Int32?)])
    func exitCodesAreThoseOfAShell(_ exit: JobModel.ExitStatus, _ code: Int32?) {
        #expect(exit.shellCode == code)
    }

    struct Case: Sendable {
        var exit: JobModel.ExitStatus
        var cause: StopCause?
        var stop: StopCause?
        var verdict: TaskResult.Verdict
    }

    @Test(arguments: [
        Case(exit: .exited(code: 0), verdict: .succeeded),
        Case(exit: .exited(code: 1), verdict: .failed),
        Case(exit: .signalled(signal: 11), verdict: .failed),
        Case(exit: .execFailed(errno: 2), verdict: .failed),
        Case(exit: .signalled(signal: 15), cause: .cancel, verdict: .cancelled),
        Case(exit: .signalled(signal: 9), cause: .timeout, verdict: .failed),
        Case(exit: .signalled(signal: 9), cause: .outOfMemory, verdict: .failed),
        Case(exit: .vanished, verdict: .lost),
        Case(exit: .vanished, cause: .cancel, stop: .cancel, verdict: .lost),
        // It ended by itself before the cancel reached it.
        Case(exit: .exited(code: 0), stop: .cancel, verdict: .succeeded),
        Case(exit: .exited(code: 3), stop: .cancel, verdict: .failed),
        Case(exit: .neverStarted, stop: .cancel, verdict: .cancelled),
        Case(exit: .neverStarted, verdict: .stagingFailed),
    ])
    func theVerdictFollowsFromHowItEnded(_ what: Case) {
        let stop = what.stop.map { StopOrder(cause: $0, grace: .seconds(1)) }
        let result = TaskResult(
            ending: TaskEnding(exit: what.exit, cause: what.cause), stop: stop, outputs: nil,
            spec: JobSpec(command: .shell("true")))
        #expect(result.verdict == what.verdict)
        #expect(result.exit == what.exit)
        #expect((result.message == nil) == (result.verdict == .succeeded))
    }
}
