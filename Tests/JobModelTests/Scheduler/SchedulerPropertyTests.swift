import Testing

@testable import JobModel

/// Random queues and workers against what ``PlanOracle`` finds by brute force.
struct SchedulerPropertyTests {
    static let rounds = 3000

    @Test func aPlanGivesEveryJobWhatIsOpenToItAndNothingTwice() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        var placed = 0
        for round in 0..<Self.rounds {
            let situation = QueueSituation.random(&random)
            let oracle = PlanOracle(situation: situation, placements: situation.placements)
            placed += oracle.placements.count
            #expect(oracle.faults.isEmpty, "SHUNT_SEED=\(seed) round \(round)")
            for worker in situation.workers {
                let jobs = oracle.placed(on: worker.name, before: situation.queue.count)
                let sum = jobs.reduce(worker.reserved + worker.foreignUse) {
                    $0 + $1.spec.resources
                }
                let capacity = worker.welcome?.capacity ?? .none
                #expect(
                    jobs.isEmpty || sum.milliCPUs <= capacity.milliCPUs,
                    "SHUNT_SEED=\(seed) round \(round)")
                let memoryIsGiven = jobs.contains { $0.spec.resources.memory > .zero }
                #expect(
                    !memoryIsGiven || sum.memory <= capacity.memory,
                    "SHUNT_SEED=\(seed) round \(round)")
            }
        }
        #expect(placed > Self.rounds / 2, "the situations are too empty to prove anything")
    }

    @Test func everyJobThatWaitsIsToldWhyAndItIsTrue() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        var codes: Set<WaitingReason.Code> = []
        for round in 0..<Self.rounds {
            var situation = QueueSituation.random(&random)
            let oracle = PlanOracle(situation: situation, placements: situation.placements)
            for index in situation.workers.indices {
                for job in situation.queue
                where oracle.worker(of: job) == situation.workers[index].name {
                    let held = situation.workers[index].reserved + job.spec.resources
                    situation.workers[index].reserved = held
                }
            }
            let waiting = situation.queue.filter { oracle.worker(of: $0) == nil }
            for (ahead, job) in waiting.enumerated() {
                let reason = Scheduler.reason(
                    job, workers: situation.workers, ahead: ahead, now: situation.now)
                codes.insert(reason.code)
                #expect(!reason.message.isEmpty, "SHUNT_SEED=\(seed) round \(round)")
                #expect(
                    Self.isTrue(reason.code, of: job, ahead: ahead, in: situation),
                    "SHUNT_SEED=\(seed) round \(round): \(reason)")
            }
        }
        // Trees are compared in ``CoordinatorLocalityTests``, data is in ``DataPlacementTests``.
        #expect(
            codes
                == Set(WaitingReason.Code.allCases)
                .subtracting([
                    .comparingWorkers, .noData, .forbidden, .noEnvironment, .waitsForJobs,
                ]))
    }

    private static func isTrue(
        _ code: WaitingReason.Code, of job: Scheduler.Candidate, ahead: Int,
        in situation: QueueSituation
    ) -> Bool {
        let oracle = PlanOracle(situation: situation, placements: [])
        let meant = situation.workers.filter {
            job.spec.placement == .any || job.spec.placement == .worker($0.name)
        }
        let serving = meant.filter { oracle.couldServe($0, job) }
        return switch code {
        case .comparingWorkers, .noData, .forbidden, .noEnvironment, .waitsForJobs: false
        case .workerUnknown: meant.isEmpty
        case .workerUnreachable: !meant.isEmpty && !meant.contains(where: \.link.isConnected)
        case .tooLarge: meant.contains(where: \.takesJobs) && serving.isEmpty
        case .noEngine:
            job.spec.container != nil
                && !meant.contains {
                    $0.takesJobs && $0.welcome?.engines.isEmpty == false
                }
        case .workerDrained:
            meant.contains { $0.link.isConnected && $0.record.isDrained }
                && !meant.contains(where: \.takesJobs)
        case .backingOff: oracle.isLeftAlone(job)
        case .behindOthers:
            ahead > 0 && serving.contains { oracle.hasRoom($0, for: job, after: []) }
        case .workerBusy:
            !serving.isEmpty && !serving.contains { oracle.hasRoom($0, for: job, after: []) }
        }
    }

    @Test func aPlanDoesNotDependOnTheNamesOfJobsOrOnTheRun() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            var situation = QueueSituation.random(&random)
            let plan = situation.plan
            #expect(situation.plan == plan, "SHUNT_SEED=\(seed)")
            let names = (0..<situation.queue.count).shuffled(using: &random)
            for (place, name) in names.enumerated() {
                situation.queue[place].id = JobID(random: UInt64(1000 + name))
            }
            #expect(situation.plan == plan, "SHUNT_SEED=\(seed)")
        }
    }

    /// A ledger gives its rows, and an inventory its workers, in any order.
    @Test func aCoordinatorPlansTheSameFromRowsInAnyOrder() throws {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let situation = QueueSituation.random(&random)
            let rows = situation.queue.enumerated().map { place, candidate in
                JobRecord(
                    id: candidate.id, sequence: UInt64(1 + place),
                    request: SubmitRequest(
                        clientKey: "\(place)", spec: candidate.spec, inputs: Sample.inputs(),
                        confirmed: true),
                    submittedAt: situation.now)
            }
            let first = try Self.placed(rows, situation.workers)
            let second = try Self.placed(
                rows.shuffled(using: &random), situation.workers.shuffled(using: &random))
            #expect(first == second, "SHUNT_SEED=\(seed)")
        }
    }

    private static func placed(
        _ rows: [JobRecord], _ workers: [WorkerState]
    ) throws -> [String] {
        var core = CoordinatorCore(
            id: Sample.coordinator, epoch: 1, workers: workers.map(\.record), jobs: rows,
            lastSequence: UInt64(rows.count), at: Sample.moment(0))
        for worker in workers.sorted(by: { $0.name < $1.name }) where worker.link.isConnected {
            let index = core.workerIndex(worker.name)!
            core.workers[index].link = .connected
            core.workers[index].welcome = worker.welcome
            core.workers[index].reserved = worker.reserved
        }
        _ = try core.step(.tick(random: 7), at: Sample.moment(0))
        return core.order.map { id in
            "\(id) \(core.job(id)?.current?.tasks.first?.worker.text ?? "waits")"
        }
    }
}
