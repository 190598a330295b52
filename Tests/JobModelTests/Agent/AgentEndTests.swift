import Testing

@testable import JobModel

struct AgentCancelTests {
    @Test func aCancelOfAnUnknownTaskIsADurableRevocation() throws {
        var bench = try AgentBench()
        let token = Sample.token()
        let effects = try bench.hear(.cancel(token, immediately: false))
        #expect(effects.records == [.revoked(token)])
        #expect(effects.reports.map(\.phase) == [.revoked])
        // The start that comes late finds the word given.
        let late = try bench.hear(.start(bench.order()))
        #expect(late.records.isEmpty && late.deeds.isEmpty)
        #expect(late.reports.map(\.phase) == [.revoked])
    }

    @Test(arguments: [TaskPhase.staging, .staged])
    func aCancelBeforeTheLaunchEndsTheTaskAtOnce(_ phase: TaskPhase) throws {
        var bench = try AgentBench.standing(in: phase)
        let token = Sample.token()
        let effects = try bench.hear(.cancel(token, immediately: false))
        let result = TaskResult(
            verdict: .cancelled, cause: .cancel, message: "cancelled before it started")
        #expect(effects.records == [.finished(token, result, at: bench.now.wall)])
        #expect(
            effects.deeds
                == [phase == .staging ? .abortStaging(token) : .closeEndpoint(token)])
        #expect(effects.reports.map(\.phase) == [.terminal])
        // What was under way ends late, and changes nothing.
        #expect(try bench.step(.staged(token)).isEmpty)
        #expect(try bench.step(.stagingFailed(token, .failed, message: "m")).isEmpty)
        #expect(try bench.hear(.go(token, Sample.rendezvous)).deeds.isEmpty)
    }

    @Test(arguments: [TaskPhase.starting, .running])
    func aCancelOfWhatWasLaunchedIsDurableAndHasTheGraceOfTheSpec(_ phase: TaskPhase) throws {
        var bench = try AgentBench.standing(in: phase)
        var stop = StopOrder(cause: .cancel, grace: .seconds(10))
        let token = Sample.token()
        let effects = try bench.hear(.cancel(token, immediately: false))
        #expect(
            effects.prefix(2) == [.record(.stopRequested(token, stop)), .stop(token, stop)])
        #expect(effects.reports.map(\.phase) == [.stopping])
        // The same again is known; more haste is news, and no haste is not.
        #expect(try bench.hear(.cancel(token, immediately: false)).deeds.isEmpty)
        stop.grace = Milliseconds(0)
        #expect(try bench.hear(.cancel(token, immediately: true)).deeds == [.stop(token, stop)])
        #expect(try bench.hear(.cancel(token, immediately: false)).records.isEmpty)
        #expect(bench.core.task(token)?.stop == stop)
    }

    @Test func aTaskCancelledAtItsBarrierIsNeverReleased() throws {
        var bench = try AgentBench.standing(in: .starting)
        let token = Sample.token()
        try bench.hear(.cancel(token, immediately: true))
        let stop = StopOrder(cause: .cancel, grace: Milliseconds(0))
        #expect(try bench.step(.initReady(token, Sample.process())) == [.stop(token, stop)])
        // Whatever its init came to, the command never ran.
        try bench.step(.ended(token, TaskEnding(exit: .signalled(signal: 9))))
        let effects = try bench.step(.collected(token, nil))
        let result = try #require(effects.reports.first?.result)
        #expect(result.verdict == .cancelled)
        #expect(result.exit == .neverStarted)
    }

    @Test(arguments: [TaskPhase.collecting, .terminal])
    func aCancelOfWhatHasEndedOnlyReports(_ phase: TaskPhase) throws {
        var bench = try AgentBench.standing(in: phase)
        let effects = try bench.hear(.cancel(Sample.token(), immediately: true))
        #expect(effects.records.isEmpty && effects.deeds.isEmpty)
        #expect(effects.reports.map(\.phase) == [phase])
    }

    @Test func aCancelEndsTheWaitForOutputsThatCannotBeStored() throws {
        var bench = try AgentBench.standing(
            in: .collecting, ending: TaskEnding(exit: .exited(code: 0)))
        let token = Sample.token()
        let failed = try bench.step(
            .collectFailed(token, message: "the disk is full", mayHeal: true))
        #expect(failed.deeds == [.collectLater(bench.order(), after: AgentCore.collectRetry)])
        #expect(
            failed.reports.first?.activity
                == "outputs cannot be stored yet, and `shunt cancel 100000` gives them up: "
                + "the disk is full")
        let effects = try bench.hear(.cancel(token, immediately: false))
        #expect(effects.reports.first?.result?.verdict == .failed)
        #expect(effects.reports.first?.result?.exit == .exited(code: 0))
        #expect(effects.reports.first?.result?.outputs == nil)
        #expect(
            effects.reports.first?.result?.message
                == "the command succeeded, and its outputs could not be stored and were given up")
        #expect(effects.reports.first?.activity == nil)
    }
}

struct AgentEndTests {
    @Test func outputsThatNoLaterTryCanCollectDoNotKeepTheJob() throws {
        var bench = try AgentBench.standing(
            in: .collecting, ending: TaskEnding(exit: .exited(code: 5)))
        let effects = try bench.step(
            .collectFailed(Sample.token(), message: "it is gone", mayHeal: false))
        let result = try #require(effects.reports.first?.result)
        #expect(result.exit == .exited(code: 5) && result.outputs == nil)
        #expect(result.warnings == ["its outputs could not be collected: it is gone"])
    }

    @Test func aSuccessWithoutItsOutputsIsAFailure() throws {
        var bench = try AgentBench.standing(
            in: .collecting, ending: TaskEnding(exit: .exited(code: 0)))
        let effects = try bench.step(
            .collectFailed(Sample.token(), message: "it is gone", mayHeal: false))
        let result = try #require(effects.reports.first?.result)
        #expect(result.verdict == .failed && result.exit == .exited(code: 0))
        #expect(
            result.message
                == "the command succeeded, and its outputs could not be collected: it is gone")
        let view = try JobViewTests.view(result)
        #expect(view.state == .failed && view.exitCode == 125)
        #expect(view.reason == result.message)
    }

    @Test func whyACommandNeverRanIsTheMessageOfItsResult() throws {
        let problem = "`train` is a directory"
        var bench = try AgentBench.standing(
            in: .collecting,
            ending: TaskEnding(exit: .execFailed(errno: 13), problem: problem))
        let effects = try bench.step(.collected(Sample.token(), nil))
        let result = try #require(effects.reports.first?.result)
        #expect(result.verdict == .failed)
        #expect(result.message == problem)
        #expect(effects.records == [.finished(Sample.token(), result, at: bench.now.wall)])
    }

    @Test func whyAnInitEndedAtItsBarrierIsTheMessageOfTheResult() throws {
        for (problem, message) in [
            ("no memory for init", "no memory for init"),
            (nil, "init ended before the command was started"),
        ] {
            var bench = try AgentBench.standing(in: .starting)
            let ending = TaskEnding(exit: .vanished, problem: problem)
            let effects = try bench.step(.ended(Sample.token(), ending))
            #expect(effects.reports.first?.result?.message == message)
            #expect(effects.reports.first?.result?.verdict == .stagingFailed)
            #expect(effects.deeds.isEmpty)
        }
    }

    @Test func theProblemIsTheMessageWhereTheExitAloneSaysNothing() {
        for exit in [
            .execFailed(errno: 2), .neverStarted, .vanished,
        ] as [JobModel.ExitStatus] {
            let ending = TaskEnding(exit: exit, problem: "why")
            let result = TaskResult(ending: ending, stop: nil, outputs: nil, spec: nil)
            #expect(result.message == "why", "\(exit)")
        }
    }

    @Test(
        arguments: [
            (2, "the command `train` was not found"), (20, "the command `train` was not found"),
            (13, "the command `train` cannot be executed: permission denied"),
            (7, "the command `train` cannot be executed (errno 7)"),
        ] as [(Int32, String)])
    func withoutAProblemTheErrnoIsTold(_ errno: Int32, _ message: String) {
        let ending = TaskEnding(exit: .execFailed(errno: errno))
        let result = TaskResult(
            ending: ending, stop: nil, outputs: nil, spec: JobSpec(command: .arguments(["train"])))
        #expect(result.message == message)
        let nameless = TaskResult(
            ending: ending, stop: nil, outputs: nil, spec: JobSpec(command: .arguments([])))
        #expect(nameless.message == message.replacing(" `train`", with: ""))
    }

    @Test func warningsReachTheResultHoweverTheTaskEnded() {
        let exits: [JobModel.ExitStatus] = [
            .exited(code: 0), .exited(code: 1), .signalled(signal: 9), .execFailed(errno: 2),
            .neverStarted, .vanished,
        ]
        for exit in exits {
            for cause in [nil] + StopCause.allCases.map(Optional.some) {
                let ending = TaskEnding(exit: exit, cause: cause, warnings: ["a", "b"])
                let result = TaskResult(
                    ending: ending, stop: nil, outputs: Sample.outputs(.zero), spec: nil)
                #expect(result.warnings == ["a", "b"], "\(exit) \(String(describing: cause))")
                #expect(result.outputs == Sample.outputs(.zero))
            }
        }
    }

    @Test func theEndIsDurableBeforeOutputsAreCollected() throws {
        var bench = try AgentBench.standing(in: .running)
        let token = Sample.token()
        let ending = TaskEnding(exit: .exited(code: 3))
        let effects = try bench.step(.ended(token, ending))
        #expect(
            effects.prefix(2) == [
                .record(.ended(token, ending, at: bench.now.wall)), .collect(bench.order()),
            ])
        #expect(effects.reports.map(\.phase) == [.collecting])
        #expect(effects.reports.first?.endedAt == bench.now.wall)
    }

    @Test func anEndBeforeTheLaunchIsADefect() throws {
        for phase in [TaskPhase.staging, .staged] {
            var bench = try AgentBench.standing(in: phase)
            #expect(throws: IllegalTransition.self) {
                try bench.step(.ended(Sample.token(), TaskEnding(exit: .vanished)))
            }
        }
    }

    @Test func onlyAResultThatIsDurableCanBeAcknowledged() throws {
        for phase in AgentBench.way where phase != .terminal {
            var bench = try AgentBench.standing(in: phase)
            #expect(try bench.hear(.acknowledge(Sample.token())).isEmpty, "\(phase)")
        }
        var bench = try AgentBench.standing(in: .terminal)
        #expect(
            try bench.hear(.acknowledge(Sample.token()))
                == [.record(.acknowledged(Sample.token())), .discard(Sample.token())])
        #expect(try bench.hear(.acknowledge(Sample.token())).isEmpty)
    }
}
