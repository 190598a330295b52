@testable import JobModel

/// One history of a small world: two coordinators, three machines with an agent each, the network
/// between them and the clients of the coordinators, all drawn from one seed.
///
/// Owns time, chance and the agenda. Everything happens on the caller's thread, one action after
/// the other, and after each the ``Oracle`` looks whether an invariant is broken. The world is
/// unkind until ``chaosEnd``; from then on nothing fails any more, and it has to settle.
final class Simulation {
    struct Settings {
        var seed: UInt64
        var injection = Injection.none
        /// The invariants that end a history when they are broken.
        var watched = Set(Invariant.allCases)
    }

    struct Outcome {
        var violation: Violation?
        var steps: Int
        var virtualMilliseconds: Int
        var traceHash: UInt64
        var lastLines: [String]
        var counters: Counters
    }

    static let maximumSteps = 150_000
    static let longestSettling = 40 * 60_000

    let settings: Settings
    var random: SeededRandom
    private(set) var now = 0
    private(set) var faults: Faults
    private(set) var machines: [Machine] = []
    private(set) var homes: [CoordinatorHome] = []
    private(set) var jobs: [ClientJob] = []
    let oracle: Oracle
    var counters = Counters()
    private let chaosEnd: Int
    private var agenda = Agenda()
    private var trace = Trace()
    private var steps = 0
    private var connections: UInt64 = 0

    init(_ settings: Settings) {
        self.settings = settings
        random = SeededRandom(seed: settings.seed)
        faults = Faults(drawing: &random)
        chaosEnd = random.within(15_000...60_000)
        oracle = Oracle(watched: settings.watched)
    }

    var isUnkind: Bool { now < chaosEnd }
    var injection: Injection { settings.injection }

    func after(_ delay: Int, _ action: @escaping () -> Void) {
        agenda.add(at: now + delay, action)
    }

    func after(_ delay: ClosedRange<Int>, _ action: @escaping () -> Void) {
        after(random.within(delay), action)
    }

    func nextConnection() -> ConnectionID {
        connections += 1
        return ConnectionID(number: connections)
    }

    func note(_ text: String) { trace.add("\(now) \(text)") }

    /// The moment that a process reads whose machine booted then and whose clock is that far off.
    func moment(bootedAt: Int = 0, skew: Int = 0) -> Moment {
        Moment(
            wall: WallTime(milliseconds: Int64(1_700_000_000_000 + now + skew)),
            steady: SteadyTime(milliseconds: Int64(now - bootedAt)))
    }

    /// Lives through the whole history, or to the first broken invariant.
    func run() -> Outcome {
        build()
        while oracle.violation == nil, let next = agenda.take() {
            if now < chaosEnd, next.time >= chaosEnd {
                faults = .none
                if !settings.watched.contains(.settles) { break }
                note("the world turns kind")
            }
            now = next.time
            next.action()
            steps += 1
            oracle.look(at: self)
            if now >= chaosEnd {
                if steps % 16 == 0, unsettled == nil { break }
                if steps > Self.maximumSteps || now > chaosEnd + Self.longestSettling {
                    oracle.violate(.settles, unsettled ?? "")
                }
            }
        }
        // Also where nothing is left to happen.
        if agenda.isEmpty, let rest = unsettled { oracle.violate(.settles, rest) }
        let outcome = Outcome(
            violation: oracle.violation, steps: steps, virtualMilliseconds: now,
            traceHash: trace.hash, lastLines: trace.lastLines, counters: counters)
        tearDown()
        return outcome
    }

    /// What is not over yet, in words; `nil` once everything is.
    private var unsettled: String? {
        for job in jobs {
            if let rest = job.unsettled { return rest }
        }
        for home in homes {
            if let rest = home.unsettled { return rest }
        }
        for machine in machines {
            if let rest = machine.unsettled { return rest }
        }
        return nil
    }

    /// Ends the cycles between processes, connections and what they have arranged.
    private func tearDown() {
        agenda.removeAll()
        for machine in machines { machine.agent?.connections.removeAll() }
        for home in homes { home.life?.links.removeAll() }
    }
}

extension Simulation {
    private func build() {
        let capacities = [(2000, 4), (4000, 8), (8000, 32)]
        for (index, capacity) in capacities.enumerated() {
            let machine = Machine(
                world: self, index: index,
                capacity: Resources(
                    milliCPUs: Int64(capacity.0), memory: .gibibytes(Int64(capacity.1))))
            machines.append(machine)
            machine.start()
        }
        for index in 0..<2 {
            let home = CoordinatorHome(world: self, index: index)
            homes.append(home)
            home.start()
        }
        addJobs(random.within(5...25), of: homes[0])
        addJobs(random.pick([0, 3, 10]), of: homes[1])
        arrangeKill()
    }

    private func addJobs(_ count: Int, of home: CoordinatorHome) {
        for _ in 0..<count {
            let job = ClientJob(world: self, home: home, number: jobs.count)
            jobs.append(job)
            after(random.within(0...chaosEnd * 3 / 4)) { job.submit() }
        }
    }

    /// A kill out of the blue, and the arrangement of the next one.
    private func arrangeKill() {
        guard let interval = faults.killInterval else { return }
        after(random.within(interval / 4...interval * 2)) { [unowned self] in
            guard isUnkind else { return }
            if random.happens(300) { random.pick(machines).killSupervisor() }
            let target = random.below(machines.count + homes.count)
            let cutsPower = random.happens(faults.powerCut)
            if target < machines.count {
                machines[target].kill(powerCut: cutsPower)
            } else {
                homes[target - machines.count].kill()
            }
            arrangeKill()
        }
    }
}
