import Testing

@testable import JobModel

/// What comes late, twice, or to nobody is normal and does nothing.
struct AgentLateEventTests {
    static let token = Sample.token()
    static let stale: [AgentEvent] = [
        .contentMissing(token, Sample.tree()), .staging(token, activity: "a"),
        .staged(token),
        .stagingFailed(token, .failed, message: "m"), .initReady(token, Sample.process(7)),
        .launchFailed(token, message: "m"), .ended(token, TaskEnding(exit: .vanished)),
        .unkillable(token), .collected(token, Sample.outputs(.zero)),
        .collectFailed(token, message: "m", mayHeal: true),
        .softwareFound(token, packages: ["six==1.16.0"]),
        .containerFound(
            token, ContainerFacts(image: PinnedImage(id: Sample.digest(1)), gpus: .none)),
    ]

    @Test func nothingHappensToATaskThatIsOver() throws {
        for event in Self.stale {
            var bench = try AgentBench.standing(in: .terminal)
            let before = bench.core.task(Self.token)
            #expect(try bench.step(event).isEmpty, "\(event)")
            #expect(bench.core.task(Self.token) == before, "\(event)")
        }
    }

    @Test func nothingHappensToATaskThatWasRevokedOrIsUnknown() throws {
        for event in Self.stale {
            var bench = try AgentBench()
            #expect(try bench.step(event).isEmpty, "\(event)")
            try bench.hear(.cancel(Self.token, immediately: true))
            #expect(try bench.step(event).isEmpty, "\(event)")
            #expect(bench.phase() == .revoked)
        }
    }

    @Test func wordsOfAnEarlierStepChangeNothing() throws {
        let late: [(TaskPhase, [AgentEvent])] = [
            (.starting, Array(Self.stale[...3])),
            (.running, Array(Self.stale[...3]) + [Self.stale[5]]),
            (.stopping, Array(Self.stale[...3]) + [Self.stale[5]]),
            (.collecting, Array(Self.stale[...7])),
        ]
        for (phase, events) in late {
            for event in events {
                var bench = try AgentBench.standing(in: phase)
                let effects = try bench.step(event)
                #expect(effects.records.isEmpty && effects.deeds.isEmpty, "\(event) in \(phase)")
                #expect(bench.phase() == phase, "\(event)")
                #expect(bench.core.task(Self.token)?.activity == nil, "\(event) in \(phase)")
            }
        }
    }

    @Test func aSignalIsDeliveredOnceAndInItsOrder() throws {
        var bench = try AgentBench.standing(in: .running)
        func signal(_ number: Int32, _ sequence: UInt64) -> CoordinatorMessage {
            .signal(Self.token, number: number, sequence: sequence)
        }
        #expect(try bench.hear(signal(2, 4)) == [.signal(Self.token, number: 2)])
        #expect(try bench.hear(signal(2, 4)).isEmpty)
        #expect(try bench.hear(signal(15, 3)).isEmpty)
        #expect(try bench.hear(signal(2, 5)) == [.signal(Self.token, number: 2)])
    }

    @Test func aSignalForWhatDoesNotRunIsLost() throws {
        for phase in AgentBench.way + [.staged] {
            var bench = try AgentBench.standing(in: phase)
            let effects = try bench.hear(.signal(Self.token, number: 2, sequence: 1))
            #expect(effects.isEmpty == (phase != .running && phase != .stopping), "\(phase)")
        }
    }

    @Test func everyReportHasAHigherVersion() throws {
        var bench = try AgentBench()
        var versions: [UInt64] = []
        versions += try bench.hear(.start(bench.order())).reports.map(\.version)
        versions += try bench.step(.staging(Self.token, activity: "a")).reports.map(\.version)
        versions += try bench.hear(.start(bench.order())).reports.map(\.version)
        versions += try bench.step(.staged(Self.token)).reports.map(\.version)
        // What nobody hears counts all the same.
        try bench.step(.disconnected(AgentBench.connection))
        try bench.step(.initReady(Self.token, Sample.process()))
        let fence = Fence(epoch: 9, session: 1)
        try bench.hello(Sample.coordinator, fence, AgentBench.connection)
        let again = try bench.step(.message(Sample.coordinator, fence, .start(bench.order())))
        versions += again.reports.map(\.version)
        #expect(versions.count == 5)
        #expect(zip(versions, versions.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(arguments: AgentBench.way + [.staged])
    func theJournalTellsWhatARestartHasToKnow(_ phase: TaskPhase) throws {
        let bench = try AgentBench.standing(in: phase)
        var core = AgentCore(identity: AgentBench.identity, records: bench.journal)
        let known = try #require(core.task(Self.token))
        let order = bench.order(waitsForGo: phase == .staged)
        let stop = StopOrder(cause: .cancel, grace: .seconds(10))
        let effects = try core.recover(at: bench.now)
        #expect(effects.records.isEmpty)
        switch phase {
        case .staging, .staged, .starting:
            // It provably never ran: it is staged again, and may find an init at its barrier.
            #expect(known.phase == .accepted)
            #expect(effects == [.stage(order)])
        case .running: #expect(effects == [.supervise(order), .release(Self.token)])
        case .stopping, .unkillable:
            #expect(effects == [.supervise(order), .stop(Self.token, stop)])
        case .collecting:
            #expect(effects == [.collect(order)])
            #expect(core.task(Self.token)?.phase == .collecting)
        case .terminal:
            #expect(effects.isEmpty)
            #expect(known.result == bench.core.task(Self.token)?.result)
        case .dispatching, .accepted, .exited, .revoked: Issue.record("not on the way")
        }
    }

    @Test func aCancelAtTheBarrierOutlivesARestart() throws {
        var bench = try AgentBench.standing(in: .starting)
        try bench.hear(.cancel(Self.token, immediately: false))
        var core = AgentCore(identity: AgentBench.identity, records: bench.journal)
        // `accepted` and the stop are all that the journal has: no `started`.
        #expect(core.task(Self.token)?.process == nil)
        let effects = try core.recover(at: bench.now)
        let kill = StopOrder(cause: .cancel, grace: Milliseconds(0))
        #expect(effects.deeds == [.supervise(bench.order()), .stop(Self.token, kill)])
        #expect(core.task(Self.token)?.result?.verdict == .cancelled)
        #expect(core.task(Self.token)?.result?.exit == .neverStarted)
    }
}
