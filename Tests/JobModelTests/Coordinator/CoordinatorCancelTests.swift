import Testing

@testable import JobModel

struct CoordinatorCancelTests {
    @Test func aQueuedJobIsCancelledAtOnce() throws {
        var bench = try CoordinatorBench(connected: false)
        let id = try #require(try bench.submit().id)
        let effects = try bench.step(.cancel(id, immediately: false, bench.request()))
        #expect(effects.commitFirst && effects.isDone)
        let row = try #require(effects.commits.first)
        #expect(row.state == .cancelled)
        #expect(row.reason == "cancelled before it started")
        #expect(row.endedAt == bench.now.wall)
        #expect(effects.sent.isEmpty)
        #expect(bench.core.queuedCount == 0)
        #expect(try bench.connect().started.isEmpty)
    }

    @Test(arguments: [TaskPhase.dispatching, .staging, .running])
    func aPlacedJobIsCancelledByItsAgent(_ phase: TaskPhase) throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        if phase != .dispatching { try bench.hear(phase, of: token) }
        let effects = try bench.step(.cancel(id, immediately: false, bench.request()))
        #expect(effects.commitFirst && effects.isDone)
        #expect(effects.commits.first?.cancel == .init(immediately: false))
        #expect(effects.sent == [.cancel(token, immediately: false)])
        #expect(bench.core.job(id)?.state == .active, "only evidence ends a job")
        #expect(bench.view(id)?.cancelRequested == true)
        let result = TaskResult(verdict: .cancelled, cause: .cancel, message: "cancelled")
        let over = try bench.hear(.terminal, of: token, result: result)
        #expect(over.commits.first?.state == .cancelled)
        #expect(over.commits.first?.reason == "cancelled")
    }

    @Test func moreHasteIsKeptAndLessIsNot() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        for (immediately, sent) in [(false, false), (true, true), (false, true)] {
            let effects = try bench.step(
                .cancel(id, immediately: immediately, bench.request()))
            #expect(effects.sent == [.cancel(token, immediately: sent)])
        }
    }

    @Test func aCancelWaitsForAWorkerThatIsAway() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        try bench.disconnect()
        let effects = try bench.step(.cancel(id, immediately: true, bench.request()))
        #expect(effects.isDone && effects.sent.isEmpty)
        let back = try bench.connect(reports: [bench.report(.running, of: token)])
        #expect(back.sent.contains(.cancel(token, immediately: true)))
        // It is being ended: no further word is needed.
        #expect(try bench.hear(.stopping, of: token).sent.isEmpty)
    }

    @Test func hasteThatWasAskedForMeanwhileReachesAWorkerThatIsAlreadyEndingTheJob() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        try bench.step(.cancel(id, immediately: false, bench.request()))
        try bench.hear(.stopping, of: token)
        try bench.disconnect()
        try bench.step(.cancel(id, immediately: true, bench.request()))
        let back = try bench.connect(reports: [bench.report(.stopping, of: token)])
        #expect(back.sent == [.cancel(token, immediately: true)])
    }

    @Test func aCancelledJobThatNeverRanIsNotPlacedAgain() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.step(.cancel(id, immediately: false, bench.request()))
        let effects = try bench.hear(.revoked, of: token)
        #expect(effects.commits.first?.state == .cancelled)
        #expect(effects.started.isEmpty)
        #expect(effects.commits.first?.reason == "cancelled before it started")
    }

    @Test func aRevokedJobThatNobodyCancelledIsPlacedAgain() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let effects = try bench.hear(.revoked, of: token)
        #expect(effects.started.map(\.token.task.text) == ["\(id).2/0"])
    }

    @Test func aJobThatEndsByItselfBeforeTheCancelKeepsItsEnd() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        try bench.step(.cancel(id, immediately: false, bench.request()))
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        let effects = try bench.hear(.terminal, of: token, result: result)
        #expect(effects.commits.first?.state == .succeeded)
    }

    @Test func aCancelOfWhatIsOverOrUnknownIsDoneAndDoesNothing() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        let outputs = Sample.outputs(ByteCount(1))
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0), outputs: outputs)
        try bench.hear(.terminal, of: token, result: result)
        for job in [id, JobID(random: 99)] {
            let effects = try bench.step(.cancel(job, immediately: true, bench.request()))
            #expect(effects.isDone)
            #expect(effects.count == 1)
        }
    }
}

struct CoordinatorSignalTests {
    /// A client may have read output before the report of its beginning came.
    @Test func aSignalGoesToWhateverHasNotEnded() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        for (index, phase) in [TaskPhase.staging, .starting, .running, .running].enumerated() {
            try bench.hear(phase, of: token)
            let effects = try bench.step(.signal(id, number: 2, bench.request()))
            #expect(effects.isDone)
            #expect(effects.sent == [.signal(token, number: 2, sequence: UInt64(index) + 1)])
        }
        try bench.hear(.exited, of: token)
        let late = try bench.step(.signal(id, number: 2, bench.request()))
        #expect(late.failure?.code == .refused)
        #expect(late.sent.isEmpty)
        let unknown = try bench.step(.signal(JobID(random: 99), number: 2, bench.request()))
        #expect(unknown.failure?.code == .refused)
    }

    @Test func aSignalIsNotKeptForAWorkerThatIsAway() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed()
        try bench.hear(.running, of: token)
        try bench.disconnect()
        let effects = try bench.step(.signal(id, number: 2, bench.request()))
        #expect(effects.failure?.code == .unreachable)
        #expect(effects.failure?.hint?.contains("shunt cancel \(id)") == true)
        let back = try bench.connect(reports: [bench.report(.running, of: token)])
        #expect(back.sent.isEmpty)
    }
}
