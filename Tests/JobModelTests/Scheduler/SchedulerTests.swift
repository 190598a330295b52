import Testing

@testable import JobModel

struct SchedulerTests {
    var situation = QueueSituation()

    @Test mutating func jobsArePlacedInTheOrderOfTheQueue() {
        situation.add("a", 2000)
        for _ in 0..<3 { situation.enqueue(1000) }
        #expect(situation.plan == "0@a 1@a")
    }

    @Test mutating func theWorkerWithMostFreeCPUsIsTakenAndOfEqualsTheFirstByName() {
        situation.add("b", 4000)
        situation.add("a", 1000)
        for _ in 0..<3 { situation.enqueue(1000) }
        // Behind the third, both have 1,000 left.
        situation.enqueue(1000)
        #expect(situation.plan == "0@b 1@b 2@b 3@a")
    }

    @Test mutating func memoryHasToFitAsWellAsCPUs() {
        situation.add("a", 8000, 4)
        situation.enqueue(1000, 3)
        situation.enqueue(1000, 2)
        situation.enqueue(1000, 1)
        #expect(situation.plan == "0@a")
    }

    @Test mutating func aJobThatFitsExactlyIsPlaced() {
        situation.add(
            "a", 3000, 4, reserved: Sample.resources(1000, 1), foreign: Sample.resources(500, 1))
        situation.enqueue(1500, 2)
        #expect(situation.plan == "0@a")
        situation.queue = []
        situation.enqueue(1501, 2)
        #expect(situation.plan == "")
    }

    @Test mutating func aLaterJobDoesNotOvertakeOneThatWaitsForRoom() {
        situation.add("a", 4000, reserved: Sample.resources(2000))
        situation.enqueue(3000)
        situation.enqueue(1000)
        #expect(situation.plan == "")
    }

    @Test mutating func aWorkerIsHeldOnlyByJobsThatMightRunThere() {
        situation.add("a", 4000, reserved: Sample.resources(2000))
        situation.add("b", 1000)
        situation.enqueue(3000)
        situation.enqueue(1000)
        situation.enqueue(1000)
        #expect(situation.plan == "1@b")
    }

    @Test mutating func aJobTooLargeForEveryWorkerHoldsNothingUp() {
        situation.add("a", 2000)
        situation.enqueue(3000)
        situation.enqueue(1000, 65)
        situation.enqueue(2000)
        #expect(situation.plan == "2@a")
    }

    @Test mutating func aJobGoesOnlyToTheWorkerItNames() {
        situation.add("a", 4000)
        situation.add("b", 1000)
        situation.enqueue(1000, on: "b")
        situation.enqueue(1000, on: "b")
        situation.enqueue(1000)
        #expect(situation.plan == "0@b 2@a")
    }

    @Test mutating func aJobForAWorkerThatIsAwayOrUnknownHoldsNothingUp() {
        situation.add("a", 4000)
        situation.add("b", 4000, connected: false)
        situation.enqueue(1000, on: "b")
        situation.enqueue(1000, on: "gone")
        situation.enqueue(4000)
        #expect(situation.plan == "2@a")
    }

    @Test mutating func nothingIsPlacedOnAWorkerThatNeverSaidWhatItHas() {
        situation.add("a", 4000, known: false)
        situation.enqueue(1)
        #expect(situation.plan == "")
    }

    @Test(
        arguments: [
            .needsLogin(since: WallTime(milliseconds: 0), reason: "", remedy: nil),
            .suspect(since: WallTime(milliseconds: 0)),
            .unreachable(since: WallTime(milliseconds: 0), reason: "cut"),
        ] as [LinkState])
    mutating func onlyAConnectedWorkerIsGivenAJob(_ link: LinkState) {
        situation.add("a", 4000)
        situation.workers[0].link = link
        situation.enqueue(1)
        #expect(situation.plan == "")
    }

    @Test mutating func whatOtherCoordinatorsHoldIsNotGivenAgain() {
        situation.add("a", 4000, 8, foreign: Sample.resources(3000, 1))
        situation.enqueue(1000)
        situation.enqueue(500)
        #expect(situation.plan == "0@a")
        // An agent that shrank may hold more than it has: nothing is free, and nothing overflows.
        situation.workers[0].foreignUse = Sample.resources(9000, 99)
        #expect(situation.plan == "")
    }

    @Test mutating func aJobThatBacksOffIsPassedOverAndHoldsNothing() {
        situation.add("a", 4000)
        situation.enqueue(4000, notBefore: 500)
        situation.enqueue(4000)
        #expect(situation.plan == "1@a")
    }

    @Test mutating func whenToLookAgainIsTheFirstEndOfABackOff() {
        situation.add("a", 4000)
        situation.enqueue(1000, notBefore: 900)
        situation.enqueue(1000, notBefore: 200)
        situation.enqueue(1000, notBefore: 60_000)
        let decision = Scheduler.decide(
            queue: situation.queue, workers: situation.workers, now: situation.now)
        #expect(decision.placements.isEmpty)
        #expect(
            decision.lookAgainAt
                == WallTime(milliseconds: situation.now.milliseconds + 200))
    }

    @Test(arguments: [(0, true), (-1, true), (1, false), (60_000, false), (60_001, true)])
    mutating func aBackOffEndsWithItsMomentOrWithAClockThatWasSetBack(
        _ delay: Int64, _ isPlaced: Bool
    ) {
        situation.add("a", 4000)
        situation.enqueue(1000, notBefore: delay)
        #expect(situation.plan == (isPlaced ? "0@a" : ""))
    }

    @Test mutating func withoutAnyWorkerNothingIsPlaced() {
        situation.enqueue(1)
        #expect(situation.plan == "")
        situation.queue = []
        situation.add("a", 1000)
        #expect(situation.plan == "")
    }
}

/// What `submit` refuses, since no waiting would mend it.
struct NeverFitsTests {
    var situation = QueueSituation()

    func neverFits(_ needs: Resources, on worker: String? = nil) -> String? {
        let placement = worker.map { JobSpec.PlacementRequest.worker(Sample.name($0)) } ?? .any
        let candidate = Scheduler.Candidate(
            id: JobID(random: 0), spec: Sample.spec(needs, on: placement), notBefore: nil)
        return Scheduler.neverFits(candidate, workers: situation.workers)?.name.text
    }

    @Test mutating func theLargestWorkerIsNamedWhereNoneIsLargeEnough() {
        situation.add("a", 1000)
        situation.add("b", 3000)
        situation.add("c", 2000)
        #expect(neverFits(Sample.resources(3001)) == "b")
        #expect(neverFits(Sample.resources(3000)) == nil)
        #expect(neverFits(Sample.resources(1001), on: "a") == "a")
        #expect(neverFits(Sample.resources(1000), on: "a") == nil)
    }

    @Test mutating func aFullWorkerIsLargeEnoughForLater() {
        situation.add("a", 1000, reserved: Sample.resources(1000))
        #expect(neverFits(Sample.resources(1000)) == nil)
    }

    @Test mutating func aWorkerThatIsAwayIsJudgedByWhatItSaidLast() {
        situation.add("a", 1000, connected: false)
        #expect(neverFits(Sample.resources(1001)) == "a")
        #expect(neverFits(Sample.resources(1000)) == nil)
    }

    @Test mutating func aWorkerOfUnknownSizeMayBeLargeEnough() {
        situation.add("a", 1000)
        situation.add("b", 0, connected: false, known: false)
        #expect(neverFits(Sample.resources(9000)) == nil)
        #expect(neverFits(Sample.resources(9000), on: "a") == "a")
    }
}

@Suite struct ContainerPlacementTests {
    @Test func aJobInAContainerGoesWhereAnEngineIs() {
        var situation = QueueSituation()
        situation.add("a", 8000)
        situation.add("b", 2000, engines: [.podman])
        situation.enqueue(1000, image: "python:3.11-slim")
        situation.enqueue(1000)
        #expect(situation.plan == "0@b 1@a")
    }

    @Test func whereNoEngineIsTheReasonSaysSo() {
        var situation = QueueSituation()
        situation.add("a", 8000)
        situation.enqueue(1000, on: "a", image: "python:3.11-slim")
        #expect(situation.plan == "")
        #expect(
            situation.reason()
                == WaitingReason(
                    .noEngine, "it runs in a container, and `a` has no container engine"))
        let refusal = Scheduler.refusal(situation.queue[0], workers: situation.workers)
        #expect(refusal?.code == .refused)
        #expect(refusal?.hint == "shunt worker check a")
    }

    @Test func aWorkerThatWasNotReachedYetMayHaveAnEngine() {
        var situation = QueueSituation()
        situation.add("a", 8000)
        situation.add("b", 8000, connected: false, known: false)
        situation.enqueue(1000, image: "python:3.11-slim")
        let candidate = situation.queue[0]
        #expect(Scheduler.refusal(candidate, workers: situation.workers) == nil)
        #expect(Scheduler.neverFits(candidate, workers: situation.workers) == nil)
    }

    // MARK: Environments

    private static func lock(_ python: Int, on worker: String? = nil) -> QueueSituation {
        var situation = QueueSituation()
        situation.enqueue(1000, on: worker)
        situation.queue[0].spec.software = .recipe(
            EnvironmentRecipe(
                kind: .lock, tree: Sample.tree(),
                python: PythonRange(PythonVersion(major: 3, minor: python)),
                source: "venv"))
        return situation
    }

    private static let old = BuildTools(pythons: [PythonVersion(major: 3, minor: 9)])

    @Test func aJobGoesWhereItsPythonIs() {
        var situation = Self.lock(12)
        situation.add("a", 8000, tools: Self.old)
        situation.add("b", 2000, tools: BuildTools(pythons: [PythonVersion(major: 3, minor: 12)]))
        #expect(situation.plan == "0@b")
        // `uv` may fetch one, and an agent that does not say may have any.
        for tools in [BuildTools(hasUV: true), BuildTools(hasOtherPython: true), nil] {
            situation.add("c", 9000, tools: tools)
            #expect(situation.plan == "0@c")
            situation.workers.removeLast()
        }
    }

    @Test func whereNoPythonIsTheReasonNamesThoseThereAre() {
        var situation = Self.lock(12)
        situation.add("a", 8000, tools: Self.old)
        situation.add("b", 8000, tools: BuildTools())
        #expect(situation.plan == "")
        let why =
            "its environment needs Python 3.12, and `a` has Python 3.9; "
            + "its environment needs Python 3.12, and `b` has no Python"
        #expect(situation.reason() == WaitingReason(.noEnvironment, why))
        let refusal = Scheduler.refusal(situation.queue[0], workers: situation.workers)
        #expect(refusal?.message == why)
        // One that has not been heard of may have it.
        situation.add("c", 8000, connected: false, known: false)
        #expect(Scheduler.refusal(situation.queue[0], workers: situation.workers) == nil)
    }

    @Test func aJobOfOneWorkerIsItsAgentsToJudge() {
        var situation = Self.lock(12, on: "a")
        situation.add("a", 8000, tools: Self.old)
        #expect(situation.plan == "0@a")
    }

    @Test func aCondaEnvironmentNeedsConda() {
        let recipe = EnvironmentRecipe(kind: .conda, tree: Sample.tree(), source: "e.yml")
        #expect(BuildTools(hasUV: true).lack(for: recipe) == "micromamba, mamba or conda")
        #expect(BuildTools(hasConda: true).lack(for: recipe) == nil)
    }
}
