import Testing

@testable import JobModel

struct AgentStartTests {
    @Test func anAcceptedStartIsDurableBeforeItIsSaidOrStaged() throws {
        var bench = try AgentBench()
        let order = bench.order()
        let effects = try bench.hear(.start(order))
        #expect(effects.first == .record(.accepted(order, at: bench.now.wall)))
        #expect(effects.deeds == [.stage(order)])
        #expect(effects.reports.map(\.phase) == [.staging])
    }

    @Test(arguments: AgentBench.way + [.staged])
    func aSecondStartAnswersWithTheStateThereIs(_ phase: TaskPhase) throws {
        var bench = try AgentBench.standing(in: phase)
        let known = try #require(bench.core.task(Sample.token()))
        let effects = try bench.hear(.start(bench.order()))
        #expect(effects.records.isEmpty && effects.deeds.isEmpty)
        let report = try #require(effects.reports.first)
        #expect(effects.reports.count == 1)
        #expect(report.phase == phase)
        #expect(report.result == known.result)
        #expect(report.version == known.version + 1)
        #expect(bench.core.tasks.count == 1)
    }

    @Test func aStartThatComesAgainWithAnotherSpecChangesNothing() throws {
        var bench = try AgentBench()
        try bench.hear(.start(bench.order()))
        let effects = try bench.hear(.start(bench.order(Sample.token(), Sample.resources(9000))))
        #expect(effects.records.isEmpty)
        #expect(bench.core.inUse == .standard)
    }

    @Test func aLateStartOfATaskThatIsOverStartsNothing() throws {
        var bench = try AgentBench.standing(in: .terminal)
        try bench.hear(.acknowledge(Sample.token()))
        #expect(bench.core.tasks.isEmpty)
        bench.now = Sample.moment(AgentCore.tombstoneLife.count)
        #expect(try bench.hear(.start(bench.order())).isEmpty)
        #expect(try bench.hear(.cancel(Sample.token(), immediately: true)).isEmpty)
        #expect(bench.core.tasks.isEmpty)
    }

    @Test func aStartThatDoesNotFitIsRefusedDurablyAndHoldsNothing() throws {
        var bench = try AgentBench()
        try bench.hear(.start(bench.order(Sample.token(1), Sample.resources(3000, 2))))
        let token = Sample.token(2)
        let effects = try bench.hear(.start(bench.order(token, Sample.resources(2000))))
        let result = TaskResult(
            verdict: .refused,
            message: "needs 2 CPUs, and 1 CPU, 6.0 GiB of 4 CPUs, 8.0 GiB is free")
        #expect(effects.first == .record(.finished(token, result, at: bench.now.wall)))
        #expect(effects.deeds.isEmpty)
        #expect(effects.reports.map(\.result) == [result])
        #expect(bench.core.inUse == Sample.resources(3000, 2))
        // And again: the answer is the same, for good.
        #expect(try bench.hear(.start(bench.order(token))).reports.map(\.result) == [result])
    }

    @Test func aStartThatFitsExactlyIsAccepted() throws {
        var bench = try AgentBench()
        try bench.hear(.start(bench.order(Sample.token(1), Sample.resources(3000, 8))))
        try bench.hear(.start(bench.order(Sample.token(2), Sample.resources(1000))))
        #expect(bench.phase(Sample.token(2)) == .staging)
        #expect(bench.core.inUse == Sample.resources(4000, 8))
        try bench.hear(.start(bench.order(Sample.token(3), Sample.resources(1))))
        #expect(bench.phase(Sample.token(3)) == .terminal)
    }

    @Test func tasksOfOtherCoordinatorsTakeRoomToo() throws {
        var bench = try AgentBench()
        let fence = Fence(epoch: 1, session: 1)
        try bench.hello(Sample.otherCoordinator, fence, ConnectionID(number: 2))
        let token = Sample.token(9, of: Sample.otherCoordinator)
        let order = bench.order(token, Sample.resources(4000))
        let effects = try bench.step(.message(Sample.otherCoordinator, fence, .start(order)))
        // Whoever else is connected hears of it, and the one whose task it is does not.
        #expect(
            effects.last
                == .send(
                    AgentBench.connection, .foreignUse(Sample.resources(4000), version: 1)))
        try bench.hear(.start(bench.order()))
        #expect(bench.core.task(Sample.token())?.result?.verdict == .refused)
    }

    @Test func roomIsFreeOnceTheTreeIsGone() throws {
        for phase in AgentBench.way {
            let bench = try AgentBench.standing(in: phase)
            let isOver = phase == .collecting || phase == .terminal
            #expect(bench.core.inUse == (isOver ? .none : .standard), "\(phase)")
        }
    }

    @Test func aGangWaitsForItsGo() throws {
        var bench = try AgentBench.standing(in: .staged)
        let order = bench.order(waitsForGo: true)
        #expect(try bench.hear(.go(Sample.token(7), Sample.rendezvous)).isEmpty)
        #expect(
            try bench.hear(.go(order.token, Sample.rendezvous)).deeds == [
                .launch(order, Sample.rendezvous)
            ])
        #expect(try bench.hear(.go(order.token, Sample.rendezvous)).isEmpty)
    }

    @Test func aGoThatComesEarlyCounts() throws {
        var bench = try AgentBench()
        let order = bench.order(waitsForGo: true)
        try bench.hear(.start(order))
        #expect(try bench.hear(.go(order.token, Sample.rendezvous)).isEmpty)
        #expect(try bench.step(.staged(order.token)).deeds == [.launch(order, Sample.rendezvous)])
    }

    @Test func theBarrierOpensBehindTheRecordAndItsRepetitionWritesNone() throws {
        var bench = try AgentBench.standing(in: .starting)
        let token = Sample.token()
        let effects = try bench.step(.initReady(token, Sample.process()))
        #expect(
            effects.prefix(2) == [
                .record(.started(token, Sample.process(), at: bench.now.wall)), .release(token),
            ])
        #expect(effects.reports.first?.startedAt == bench.now.wall)
        #expect(try bench.step(.initReady(token, Sample.process())) == [.release(token)])
    }

    @Test func missingContentIsAskedForAndStagedOnceItIsThere() throws {
        var bench = try AgentBench()
        let order = bench.order()
        try bench.hear(.start(order))
        let effects = try bench.step(.contentMissing(order.token, order.tree))
        #expect(
            effects.last
                == .send(AgentBench.connection, .needContent(order.token, order.tree)))
        #expect(effects.reports.first?.activity == "receiving content")
        #expect(try bench.hear(.contentPushed(Sample.tree(2), failure: nil)).isEmpty)
        #expect(try bench.hear(.contentPushed(order.tree, failure: nil)) == [.stage(order)])
        #expect(try bench.hear(.contentPushed(order.tree, failure: nil)).isEmpty)
    }

    /// The recipe of an environment is asked for once the task's own tree is there.
    @Test func eachTreeThatATaskNeedsIsAskedForByItself() throws {
        var bench = try AgentBench()
        let order = bench.order()
        let recipe = Sample.tree(7)
        try bench.hear(.start(order))
        try bench.step(.contentMissing(order.token, order.tree))
        #expect(try bench.hear(.contentPushed(order.tree, failure: nil)) == [.stage(order)])
        let effects = try bench.step(.contentMissing(order.token, recipe))
        #expect(effects.last == .send(AgentBench.connection, .needContent(order.token, recipe)))
        #expect(try bench.hear(.contentPushed(order.tree, failure: nil)).isEmpty)
        #expect(try bench.hear(.contentPushed(recipe, failure: nil)) == [.stage(order)])
    }

    @Test func contentThatCannotBeSentEndsTheTasksOfItsCoordinatorOnly() throws {
        var bench = try AgentBench()
        let order = bench.order()
        try bench.hear(.start(order))
        try bench.step(.contentMissing(order.token, order.tree))
        let fence = Fence(epoch: 1, session: 1)
        try bench.hello(Sample.otherCoordinator, fence, ConnectionID(number: 2))
        let failure = CoordinatorMessage.contentPushed(order.tree, failure: "`a` has changed")
        #expect(try bench.step(.message(Sample.otherCoordinator, fence, failure)).isEmpty)
        let effects = try bench.hear(failure)
        let result = TaskResult(verdict: .stagingFailed, message: "`a` has changed")
        #expect(
            effects.records == [.finished(order.token, result, at: bench.now.wall)])
        #expect(effects.deeds == [.abortStaging(order.token)])
    }
}
