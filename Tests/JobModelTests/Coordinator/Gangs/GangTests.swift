import Testing

@testable import JobModel

struct GangTests {
    @Test func aGangIsPlacedWholeOnAsManyWorkers() throws {
        var bench = try GangBench()
        let effects = try bench.submit(GangBench.spec(3))
        #expect(effects.commits.last?.current?.tasks.map(\.worker) == GangBench.names)
        #expect(effects.started.map(\.token.task.rank) == [0, 1, 2])
        #expect(effects.started.allSatisfy { $0.waitsForGo && $0.nodeCount == 3 })
    }

    @Test func aGangForWhichThereIsNoRoomHoldsNothing() throws {
        var bench = try GangBench()
        _ = try bench.placed(Sample.spec(Sample.resources(2000), on: .worker(GangBench.names[0])))
        let effects = try bench.submit(GangBench.spec(3, cpus: 2000))
        #expect(effects.started.isEmpty)
        #expect(bench.core.worker(GangBench.names[1])?.reserved == Resources.none)
        let id = try #require(effects.submitted)
        let reason = bench.core.waitingReason(of: id, at: Sample.moment(0).wall)
        #expect(
            reason?.message == "needs 3 nodes with 2 CPUs each, on as many workers; there is "
                + "room for 2")
    }

    @Test func oneWorkerMayHaveSeveralNodesWhereThatIsAskedFor() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(4, nodesPerWorker: 2))
        #expect(bench.tasks(of: id).map(\.worker.text) == ["a", "a", "b", "b"])
        let refused = try bench.submit(GangBench.spec(7, nodesPerWorker: 2))
        #expect(refused.failure?.message.contains("have no room for that") == true)
    }

    @Test func tasksAreAskedWhomTheyReachOnceAllAreStaged() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(3))
        let tasks = bench.tasks(of: id)
        #expect(try bench.hear(.staged, of: tasks[0]).sent.isEmpty)
        #expect(try bench.hear(.staged, of: tasks[1]).sent.isEmpty)
        let questions = try bench.hear(.staged, of: tasks[2]).questions
        #expect(questions.map(\.token.task.rank) == [0, 1, 2])
        #expect(questions[1].targets.map(\.token.task.rank) == [0, 2])
    }

    @Test func allAreLetGoTogetherBehindTheCommitOfTheirMeeting() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(3))
        let questions = try bench.stage(id).questions
        #expect(try bench.answer(questions[0]).letGo.isEmpty)
        #expect(try bench.answer(questions[2]).letGo.isEmpty)
        let effects = try bench.answer(questions[1])
        #expect(effects.letGo == [0, 1, 2])
        #expect(effects.commitFirst)
        let met = effects.commits.first?.current?.rendezvous
        #expect(met == Rendezvous(addresses: ["10.0.0.0", "10.0.0.1", "10.0.0.2"], port: 5000))
    }

    @Test func onOneWorkerNobodyHasToBeAsked() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2, nodesPerWorker: 2))
        #expect(try bench.stage(id).letGo == [0, 1])
        #expect(bench.attempt(id).rendezvous?.addresses == ["127.0.0.1", "127.0.0.1"])
    }

    @Test func aTaskWhoseWorkerWasAwayIsLetGoWhenItIsBack() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        let questions = try bench.stage(id).questions
        for question in questions { try bench.answer(question) }
        let task = bench.tasks(of: id)[1]
        try bench.disconnect(task.worker)
        let report = bench.report(.staged, of: task)
        #expect(try bench.connect(task.worker, reports: [report]).letGo == [1])
        // Not failed, and not lost, by a cut alone.
        #expect(bench.core.job(id)?.state == .active)
    }

    @Test func aTaskThatWasAwayWhenItWasAskedIsAskedAgain() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        let first = try bench.stage(id).questions
        try bench.answer(first[0])
        let task = bench.tasks(of: id)[1]
        try bench.disconnect(task.worker)
        let report = bench.report(.staged, of: task)
        let again = try bench.connect(task.worker, reports: [report]).questions
        #expect(again == [first[1]])
        #expect(try bench.answer(again[0]).letGo == [0, 1])
    }

    @Test func workersThatDoNotReachEachOtherEndTheJobBeforeItStarts() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        var effects = try bench.stage(id)
        for _ in 0..<3 {
            let questions = effects.questions
            #expect(questions.count == 2)
            try bench.answer(questions[0], silent: [1])
            effects = try bench.answer(questions[1])
        }
        #expect(effects.stopped == [0, 1] && effects.letGo.isEmpty)
        let cancelled = TaskResult(verdict: .cancelled, exit: .neverStarted, cause: .gang)
        for task in bench.tasks(of: id) {
            effects = try bench.hear(.terminal, of: task, result: cancelled)
        }
        let end = effects.commits.last
        #expect(end?.state == .failed && end?.exitCode == 125)
        #expect(end?.reason == "`a` does not reach `b` (10.0.0.1, 127.0.0.1): no route to host")
    }

    @Test func theFirstFailureEndsTheOthersAndIsTheJobs() throws {
        var bench = try GangBench()
        let id = try bench.running(GangBench.spec(3))
        let tasks = bench.tasks(of: id)
        let effects = try bench.hear(.exited, of: tasks[1], exit: .exited(code: 3))
        #expect(effects.stopped == [0, 2])
        // What follows from it counts no more.
        try bench.hear(.exited, of: tasks[0], exit: .exited(code: 1))
        let results = [
            TaskResult(verdict: .failed, exit: .exited(code: 1), message: "exited with code 1"),
            TaskResult(verdict: .failed, exit: .exited(code: 3), message: "exited with code 3"),
            TaskResult(verdict: .cancelled, exit: .signalled(signal: 15), cause: .gang),
        ]
        var last: [CoordinatorEffect] = []
        for (task, result) in zip(tasks, results) {
            last = try bench.hear(.terminal, of: task, result: result)
        }
        let end = last.commits.last
        #expect(end?.state == .failed && end?.exitCode == 3)
        #expect(end?.reason == "rank 1 on `b`: exited with code 3")
    }

    @Test func aTaskThatIsLeftRunningIsStoppedWhenItsWorkerIsBack() throws {
        var bench = try GangBench()
        let id = try bench.running(GangBench.spec(2))
        let tasks = bench.tasks(of: id)
        try bench.disconnect(tasks[1].worker)
        try bench.hear(.exited, of: tasks[0], exit: .signalled(signal: 9))
        let report = bench.report(.running, of: tasks[1])
        #expect(try bench.connect(tasks[1].worker, reports: [report]).stopped == [1])
        #expect(bench.core.job(id)?.state == .active)
    }

    @Test func aGangThatAWorkerRefusesIsPlacedAgainWhole() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        let tasks = bench.tasks(of: id)
        let refused = TaskResult(verdict: .refused, message: "no room")
        #expect(try bench.hear(.terminal, of: tasks[0], result: refused).stopped == [1])
        let given = TaskResult(verdict: .cancelled, cause: .gang, message: "given up")
        try bench.hear(.terminal, of: tasks[1], result: given)
        #expect(bench.core.job(id)?.state == .queued)
        #expect(bench.core.job(id)?.notBefore != nil)
    }

    @Test func whatFailsByItselfCountsWhereTheFirstWasOnlyTurnedAway() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        let tasks = bench.tasks(of: id)
        try bench.hear(.revoked, of: tasks[0])
        let failed = TaskResult(verdict: .environmentFailed, message: "pip failed")
        let effects = try bench.hear(.terminal, of: tasks[1], result: failed)
        #expect(effects.commits.last?.state == .failed)
        #expect(effects.commits.last?.reason == "pip failed")
    }

    @Test func aCancelIsNoFailureOfAnyRank() throws {
        var bench = try GangBench()
        let id = try bench.running(GangBench.spec(2))
        let request = bench.request()
        try bench.step(.cancel(id, immediately: true, request))
        let ended = TaskResult(
            verdict: .cancelled, exit: .signalled(signal: 9), cause: .cancel, message: "cancelled")
        var last: [CoordinatorEffect] = []
        for task in bench.tasks(of: id) {
            try bench.hear(.exited, of: task, exit: .signalled(signal: 9))
            last = try bench.hear(.terminal, of: task, result: ended)
        }
        #expect(last.commits.last?.state == .cancelled)
        #expect(last.commits.last?.current?.failure == nil)
    }

    @Test func outputsOfAllRanksAreFetchedOneAfterTheOther() throws {
        var bench = try GangBench()
        var spec = GangBench.spec(3)
        spec.gang?.outputsFrom = .all
        let id = try bench.running(spec)
        var last: [CoordinatorEffect] = []
        for (rank, task) in bench.tasks(of: id).enumerated() {
            var outputs = Sample.outputs(ByteCount(1))
            outputs.tree = Sample.tree(UInt8(20 + rank))
            // Rank 1 has written nothing.
            let result = TaskResult(
                verdict: .succeeded, exit: .exited(code: 0), outputs: rank == 1 ? nil : outputs)
            last = try bench.hear(.terminal, of: task, result: result)
        }
        #expect(last.commits.last?.outputs?.fileCount == 2)
        #expect(last.fetches == 1)
        // Asked for twice, the first answer of one counts once.
        let second = try bench.step(.fetched(id, Sample.tree(20), failure: nil))
        #expect(second.fetches == 1 && second.commits.isEmpty)
        #expect(try bench.step(.fetched(id, Sample.tree(20), failure: nil)).isEmpty)
        let end = try bench.step(.fetched(id, Sample.tree(22), failure: nil))
        #expect(end.commits.last?.outputsFetch == .fetched)
    }

    @Test func aGangIsHandedOverOnceItRuns() throws {
        var bench = try GangBench()
        let id = try bench.placed(GangBench.spec(2))
        try bench.stage(id)
        let view = bench.core.view(of: id, at: Sample.moment(0).wall)
        #expect(view?.handedOver == false)
        #expect(view?.tasks?.map(\.rank) == [0, 1])
        let other = try bench.running(GangBench.spec(2))
        #expect(bench.core.view(of: other, at: Sample.moment(0).wall)?.handedOver == true)
    }
}
