import Testing

@testable import JobModel

struct CoordinatorPushTests {
    static let tree = Sample.tree()

    @Test func aTreeIsPushedOnceHoweverOftenItIsAskedFor() throws {
        var bench = try CoordinatorBench()
        let (_, first) = try bench.placed()
        let (_, second) = try bench.placed()
        #expect(try bench.hear(.needContent(first, Self.tree)).pushes == [first])
        #expect(try bench.hear(.needContent(first, Self.tree)).pushes.isEmpty)
        #expect(try bench.hear(.needContent(second, Self.tree)).pushes.isEmpty)
        let effects = try bench.step(
            .pushed(CoordinatorBench.gpu, first, Self.tree, bytesSent: ByteCount(5), failure: nil))
        #expect(effects.sent == [.contentPushed(Self.tree, failure: nil)])
        // It is gone again: pushed again.
        #expect(try bench.hear(.needContent(second, Self.tree)).pushes == [second])
    }

    @Test func whatWasSentAddsUpAndIsKept() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        for total: Int64 in [5, 10] {
            try bench.hear(.needContent(token, Self.tree))
            let effects = try bench.step(
                .pushed(
                    CoordinatorBench.gpu, token, Self.tree, bytesSent: ByteCount(5),
                    failure: .interrupted))
            #expect(effects.commits.first?.bytesSent == ByteCount(total))
            #expect(effects.sent.isEmpty)
        }
        #expect(bench.view(id)?.bytesSent == ByteCount(10))
    }

    @Test func aPushThatCannotSucceedSaysWhy() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        try bench.hear(.needContent(token, Self.tree))
        let effects = try bench.step(
            .pushed(
                CoordinatorBench.gpu, token, Self.tree, bytesSent: .zero,
                failure: .impossible("`a` has changed")))
        #expect(effects.sent == [.contentPushed(Self.tree, failure: "`a` has changed")])
    }

    @Test func aBrokenPushBeginsAgainForWhoeverWaits() throws {
        var bench = try CoordinatorBench()
        let (_, first) = try bench.placed()
        let (_, second) = try bench.placed()
        try bench.hear(.needContent(first, Self.tree))
        let result = TaskResult(verdict: .cancelled)
        try bench.hear(.terminal, of: first, result: result)
        let broken = CoordinatorEvent.pushed(
            CoordinatorBench.gpu, first, Self.tree, bytesSent: .zero, failure: .interrupted)
        #expect(try bench.step(broken).pushes == [second])
        try bench.hear(.running, of: second)
        #expect(try bench.step(broken).pushes.isEmpty, "nobody waits any more")
    }

    @Test func aPushThatBrokeWithItsLinkWaitsToBeAskedForAgain() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed()
        try bench.hear(.needContent(token, Self.tree))
        try bench.disconnect()
        let effects = try bench.step(
            .pushed(
                CoordinatorBench.gpu, token, Self.tree, bytesSent: .zero, failure: .interrupted))
        #expect(effects.pushes.isEmpty)
        try bench.connect(reports: [bench.report(.staging, of: token)])
        #expect(try bench.hear(.needContent(token, Self.tree)).pushes == [token])
    }
}

struct CoordinatorOutputsTests {
    /// A job that has ended with outputs of a size.
    static func ended(
        _ bench: inout CoordinatorBench, _ size: ByteCount, files: Int64 = 1
    ) throws -> (id: JobID, effects: [CoordinatorEffect]) {
        let (id, token) = try bench.placed()
        var outputs = Sample.outputs(size)
        outputs.fileCount = files
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0), outputs: outputs)
        return (id, try bench.hear(.terminal, of: token, result: result))
    }

    private static let tree = Sample.outputs(ByteCount(1)).tree

    @Test func outputsUpToTheLimitAreFetchedAndLargerOnesAreHeld() throws {
        var bench = try CoordinatorBench()
        let limit = Sample.spec().pullLimit
        let within = try Self.ended(&bench, limit)
        #expect(within.effects.fetches == 1)
        #expect(within.effects.commits.first?.outputsFetch == .fetching)
        #expect(within.effects.forgotten.isEmpty, "outputs are on their way")
        let above = try Self.ended(&bench, limit + ByteCount(1))
        #expect(above.effects.fetches == 0)
        #expect(above.effects.commits.first?.outputsFetch == .held)
        #expect(above.effects.forgotten == [above.id])
        let none = try Self.ended(&bench, .zero, files: 0)
        #expect(none.effects.commits.first?.outputsFetch == OutputsFetch.none)
    }

    @Test func whatWasFetchedIsKeptAndTheJobForgotten() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try Self.ended(&bench, ByteCount(1))
        let effects = try bench.step(.fetched(id, Self.tree, failure: nil))
        #expect(effects.commits.first?.outputsFetch == .fetched)
        #expect(effects.commits.first?.state == .succeeded)
        #expect(effects.forgotten == [id])
        #expect(try bench.step(.fetched(id, Self.tree, failure: nil)).isEmpty)
    }

    @Test func aFetchThatFailsIsTriedFiveTimesAndThenHeld() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try Self.ended(&bench, ByteCount(1))
        for delay: Int64 in [1000, 2000, 4000, 8000] {
            let effects = try bench.step(.fetched(id, Self.tree, failure: .interrupted))
            #expect(effects.wakes == [bench.now.steady + Milliseconds(delay)])
            #expect(effects.fetches == 0)
            bench.now.steady.milliseconds += delay
            #expect(try bench.step(.tick(random: 0)).fetches == 1)
            #expect(try bench.step(.tick(random: 0)).fetches == 0, "one at a time")
        }
        let last = try bench.step(.fetched(id, Self.tree, failure: .interrupted))
        #expect(last.commits.first?.outputsFetch == .held)
        #expect(last.commits.first?.state == .succeeded, "never a reason to change the state")
    }

    @Test func whatTheWorkerHasLostIsLostAtOnceAndCanBeAskedForAgain() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try Self.ended(&bench, ByteCount(1))
        let lost = try bench.step(.fetched(id, Self.tree, failure: .impossible("not in the store")))
        #expect(lost.commits.first?.outputsFetch == .lost)
        #expect(try bench.step(.tick(random: 0)).fetches == 0)
        try bench.step(.restored(try #require(lost.commits.first)))
        #expect(try bench.step(.fetch(id, bench.request())).fetches == 1)
    }

    @Test func whatWasFetchedIsFetchedAgainOnDemand() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try Self.ended(&bench, ByteCount(1))
        let fetched = try bench.step(.fetched(id, Self.tree, failure: nil))
        try bench.step(.restored(try #require(fetched.commits.first)))
        #expect(try bench.step(.fetch(id, bench.request())).fetches == 1)
        #expect(
            try bench.step(.fetched(id, Self.tree, failure: nil)).commits.first?.outputsFetch
                == .fetched)
    }

    @Test func aFetchGoesOnWithItsWorker() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try Self.ended(&bench, ByteCount(1))
        try bench.disconnect()
        let effects = try bench.step(.fetched(id, Self.tree, failure: .interrupted))
        #expect(effects.wakes.isEmpty && effects.commits.isEmpty)
        #expect(try bench.connect().fetches == 1)
    }

    @Test func heldOutputsAreFetchedOnDemand() throws {
        var bench = try CoordinatorBench()
        let (id, ended) = try Self.ended(&bench, Sample.spec().pullLimit + ByteCount(1))
        let row = try #require(ended.commits.first)
        #expect(try bench.step(.restored(row)).isEmpty)
        let effects = try bench.step(.fetch(id, bench.request()))
        #expect(effects.isDone)
        #expect(effects.fetches == 1)
        #expect(effects.commits.first?.outputsFetch == .fetching)
    }

    @Test func beforeItEndsAJobHasNoOutputs() throws {
        var bench = try CoordinatorBench()
        let (id, _) = try bench.placed()
        let effects = try bench.step(.fetch(id, bench.request()))
        #expect(effects.failure?.code == .refused)
        #expect(effects.failure?.hint == "shunt wait \(id)")
    }

    @Test func aJobThatWasBroughtBackForNothingIsForgottenAgain() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let result = TaskResult(verdict: .failed, exit: .exited(code: 1))
        let ended = try bench.hear(.terminal, of: token, result: result)
        let row = try #require(ended.commits.first)
        try bench.step(.restored(row))
        let effects = try bench.step(.fetch(id, bench.request()))
        #expect(effects.isDone && effects.fetches == 0)
        #expect(effects.forgotten == [id])
        #expect(bench.core.isIdle)
    }
}
