import Testing

@testable import JobModel

struct AgentFenceTests {
    static let later = ConnectionID(number: 2)

    @Test(arguments: [(4, 9), (5, 0), (5, 1), (0, 0)] as [(UInt64, UInt64)])
    func aFenceThatIsNotHigherIsRefused(_ epoch: UInt64, _ session: UInt64) throws {
        var bench = try AgentBench()
        let fence = Fence(epoch: epoch, session: session)
        #expect(
            try bench.hello(Sample.coordinator, fence, Self.later)
                == [.reject(Self.later, highest: AgentBench.fence)])
        #expect(bench.core.hasSession(Sample.coordinator, AgentBench.fence))
    }

    @Test(arguments: [(5, 2), (6, 0)] as [(UInt64, UInt64)])
    func aHigherFenceIsDurableBeforeItsWelcomeAndClosesTheOldSession(
        _ epoch: UInt64, _ session: UInt64
    ) throws {
        var bench = try AgentBench()
        let fence = Fence(epoch: epoch, session: session)
        let effects = try bench.hello(Sample.coordinator, fence, Self.later)
        #expect(
            effects == [
                .record(.fenced(Sample.coordinator, fence)), .close(AgentBench.connection),
                .welcome(Self.later, Sample.welcome(AgentBench.identity.capacity)),
            ])
    }

    @Test func wordsOfAnOlderSessionAreNotHeard() throws {
        var bench = try AgentBench()
        try bench.hello(Sample.coordinator, Fence(epoch: 6, session: 1), Self.later)
        #expect(try bench.hear(.start(bench.order())).isEmpty)
        #expect(try bench.hear(.ping(1)).isEmpty)
        #expect(bench.core.tasks.isEmpty)
    }

    @Test func theEndOfAnOlderConnectionDoesNotEndTheNewOne() throws {
        var bench = try AgentBench()
        let fence = Fence(epoch: 6, session: 1)
        try bench.hello(Sample.coordinator, fence, Self.later)
        try bench.step(.disconnected(AgentBench.connection))
        #expect(bench.core.hasSession(Sample.coordinator, fence))
        #expect(
            try bench.step(.message(Sample.coordinator, fence, .ping(3)))
                == [.send(Self.later, .pong(3))])
    }

    @Test func everyCoordinatorHasAFenceOfItsOwn() throws {
        var bench = try AgentBench()
        let fence = Fence(epoch: 1, session: 1)
        let effects = try bench.hello(Sample.otherCoordinator, fence, Self.later)
        #expect(effects.records == [.fenced(Sample.otherCoordinator, fence)])
        #expect(bench.core.hasSession(Sample.coordinator, AgentBench.fence))
    }

    @Test func aRestartForgetsNoFence() throws {
        let bench = try AgentBench()
        var core = AgentCore(identity: AgentBench.identity, records: bench.journal)
        let effects = try core.step(
            .hello(Sample.coordinator, AgentBench.fence, Self.later), at: bench.now)
        #expect(effects == [.reject(Self.later, highest: AgentBench.fence)])
        #expect(core.isIdle)
    }

    @Test func aWelcomeTellsOfItsCoordinatorsTasksAndOfEverybodysUse() throws {
        var bench = try AgentBench.standing(in: .running)
        let fence = Fence(epoch: 1, session: 1)
        let other = try bench.hello(Sample.otherCoordinator, fence, Self.later)
        #expect(
            other.last
                == .welcome(
                    Self.later, Sample.welcome(AgentBench.identity.capacity, inUse: .standard)))
        let version = try #require(bench.core.task(Sample.token())?.version)
        let own = try bench.hello(
            Sample.coordinator, Fence(epoch: 6, session: 1), ConnectionID(number: 3))
        guard case .welcome(_, let welcome)? = own.last else {
            Issue.record("no welcome")
            return
        }
        #expect(welcome.reports.map(\.phase) == [.running])
        #expect(welcome.reports.allSatisfy { $0.version > version })
    }

    @Test func contentThatIsMissingIsAskedForAgainInANewSession() throws {
        var bench = try AgentBench()
        let order = bench.order()
        try bench.hear(.start(order))
        try bench.step(.disconnected(AgentBench.connection))
        // Nobody to ask now; that it is missing is remembered.
        #expect(try bench.step(.contentMissing(order.token, order.tree)).isEmpty)
        let effects = try bench.hello(
            Sample.coordinator, Fence(epoch: 6, session: 1), Self.later)
        #expect(effects.last == .send(Self.later, .needContent(order.token, order.tree)))
    }

    @Test func aCoordinatorHasNoSayInTasksOfAnother() throws {
        var bench = try AgentBench.standing(in: .running)
        let fence = Fence(epoch: 1, session: 1)
        try bench.hello(Sample.otherCoordinator, fence, Self.later)
        let before = bench.core.task(Sample.token())
        for message in [
            .cancel(Sample.token(), immediately: true), .go(Sample.token(), Sample.rendezvous),
            .signal(Sample.token(), number: 9, sequence: 99), .acknowledge(Sample.token()),
            .start(bench.order()), .start(bench.order(Sample.token(5))),
        ] as [CoordinatorMessage] {
            let effects = try bench.step(.message(Sample.otherCoordinator, fence, message))
            #expect(effects.isEmpty, "\(message)")
        }
        #expect(bench.core.task(Sample.token()) == before)
        #expect(bench.core.tasks.count == 1)
    }

    @Test func eachCoordinatorHearsOnceOfWhatWasInstalledSinceItConnected() throws {
        var bench = try AgentBench()
        let first = WorkerPrograms(engines: [.podman])
        #expect(
            try bench.step(.programs(first)) == [.send(AgentBench.connection, .programs(first))])
        #expect(try bench.step(.programs(first)).isEmpty)
        // A look that another coordinator's connection is the reason of tells the first one too.
        let second = WorkerPrograms(engines: [.podman], tools: BuildTools(hasUV: true))
        let news = try bench.step(.programs(second))
        #expect(news == [.send(AgentBench.connection, .programs(second))])
        let effects = try bench.hello(
            Sample.otherCoordinator, Fence(epoch: 1, session: 1), Self.later)
        guard
            case .welcome(Self.later, let welcome)? = effects.first(where: {
                if case .welcome = $0 { true } else { false }
            })
        else {
            Issue.record("\(effects)")
            return
        }
        #expect(welcome.engines == [.podman] && welcome.tools?.hasUV == true)
        #expect(try bench.step(.programs(second)).isEmpty)
        #expect(try bench.step(.programs(first)).count == 2)
    }

    @Test func anAgentIsIdleWithoutTasksAndSessions() throws {
        var bench = try AgentBench()
        #expect(!bench.core.isIdle && !bench.core.isBusy)
        try bench.hear(.start(bench.order()))
        try bench.step(.disconnected(AgentBench.connection))
        #expect(!bench.core.isIdle && bench.core.isBusy)
        let over = try AgentBench.standing(in: .terminal)
        #expect(!over.core.isBusy, "a result that nobody has fetched is no work")
    }
}
