@testable import JobModel

/// What a scheduler is asked: a queue, and workers in all the states that they can be in.
struct QueueSituation {
    var queue: [Scheduler.Candidate] = []
    var workers: [WorkerState] = []
    var now = WallTime(milliseconds: 1_800_000_000_000)

    /// Adds a job to the end of the queue; its ID is its place.
    mutating func enqueue(
        _ milliCPUs: Int64, _ gibibytes: Int64 = 0, on worker: String? = nil,
        notBefore delay: Int64? = nil, image: String? = nil
    ) {
        let needs = Sample.resources(milliCPUs, gibibytes)
        let placement = worker.map { JobSpec.PlacementRequest.worker(Sample.name($0)) } ?? .any
        var spec = Sample.spec(needs, on: placement)
        spec.container = image.flatMap(ImageSource.init).map { ContainerSpec(image: $0) }
        queue.append(
            Scheduler.Candidate(
                id: JobID(random: UInt64(queue.count)), spec: spec,
                notBefore: delay.map { WallTime(milliseconds: now.milliseconds + $0) }))
    }

    mutating func add(
        _ name: String, _ milliCPUs: Int64, _ gibibytes: Int64 = 64,
        reserved: Resources = .none, foreign: Resources = .none, connected: Bool = true,
        known: Bool = true, drained: Bool = false, engines: [ContainerEngine] = [],
        tools: BuildTools? = nil
    ) {
        var worker = WorkerState(record: WorkerRecord(name: Sample.name(name)), since: now)
        if connected { worker.link = .connected }
        if known { worker.welcome = Sample.welcome(Sample.resources(milliCPUs, gibibytes)) }
        worker.welcome?.engines = engines
        worker.welcome?.tools = tools
        worker.record.isDrained = drained
        worker.reserved = reserved
        worker.foreignUse = foreign
        workers.append(worker)
        workers.sort { $0.name < $1.name }
    }

    var placements: [Scheduler.Placement] {
        Scheduler.plan(queue: queue, workers: workers, now: now)
    }

    /// `0@a 2@b`: the job by its place in the queue, and the worker.
    var plan: String {
        placements.map { placement in
            let place = queue.firstIndex { $0.id == placement.job } ?? -1
            return "\(place)@" + placement.workers.map(\.text).joined(separator: "+")
        }.joined(separator: " ")
    }

    /// Why a job waits that is the only one, or has others before it.
    func reason(_ place: Int = 0, ahead: Int = 0) -> WaitingReason {
        Scheduler.reason(queue[place], workers: workers, ahead: ahead, now: now)
    }

    static func random(_ random: inout SeededRandom) -> QueueSituation {
        var situation = QueueSituation()
        for name in ["a", "b", "c", "d"].prefix(random.below(5)) {
            situation.add(
                name, Int64(random.below(9)) * 1000, Int64(random.below(12)),
                reserved: Sample.resources(Int64(random.below(5)) * 500, Int64(random.below(5))),
                foreign: random.chance(2)
                    ? Sample.resources(Int64(random.below(4)) * 500, Int64(random.below(3)))
                    : .none,
                connected: !random.chance(5), known: !random.chance(10),
                drained: random.chance(8),
                engines: random.chance(2) ? [.podman] : [])
        }
        for _ in 0..<random.below(12) {
            situation.enqueue(
                Int64(1 + random.below(8)) * 250, Int64(random.below(5)),
                on: random.chance(3) ? random.pick(["a", "b", "c", "d", "gone"]) : nil,
                notBefore: random.chance(6) ? Int64(random.below(120_000)) - 30_000 : nil,
                image: random.chance(4) ? "python:3.11" : nil)
        }
        return situation
    }
}

/// What has to be true of any plan, written down one thing at a time and looked up by brute force:
/// nothing here keeps count while it walks the queue, as the scheduler does.
struct PlanOracle {
    let situation: QueueSituation
    let placements: [Scheduler.Placement]

    func worker(of candidate: Scheduler.Candidate) -> WorkerName? {
        placements.first { $0.job == candidate.id }?.workers.first
    }

    func isLeftAlone(_ candidate: Scheduler.Candidate) -> Bool {
        guard let moment = candidate.notBefore else { return false }
        return (1...60_000).contains(moment.milliseconds - situation.now.milliseconds)
    }

    /// Whether the job might run there one day, as far as is known.
    func couldServe(_ worker: WorkerState, _ candidate: Scheduler.Candidate) -> Bool {
        guard worker.link == .connected, !worker.record.isDrained,
            let capacity = worker.welcome?.capacity
        else {
            return false
        }
        let isMeant =
            candidate.spec.placement == .any || candidate.spec.placement == .worker(worker.name)
        let needs = candidate.spec.resources
        let canRun =
            candidate.spec.container == nil || worker.welcome?.engines.isEmpty == false
        return isMeant && canRun && needs.milliCPUs <= capacity.milliCPUs
            && needs.memory.bytes <= capacity.memory.bytes
    }

    /// Whether there is room for a job after others that were placed there.
    func hasRoom(
        _ worker: WorkerState, for candidate: Scheduler.Candidate,
        after others: [Scheduler.Candidate]
    ) -> Bool {
        guard let capacity = worker.welcome?.capacity else { return false }
        let jobs = others.map(\.spec.resources) + [candidate.spec.resources]
        let taken = [worker.reserved, worker.foreignUse]
        let cpus = (jobs + taken).reduce(0) { $0 + $1.milliCPUs }
        let memory = (jobs + taken).reduce(0) { $0 + $1.memory.bytes }
        // Of what is over-committed, nothing is left; a job that asks for none of it still fits.
        let memoryFits =
            candidate.spec.resources.memory == .zero || memory <= capacity.memory.bytes
        return cpus <= capacity.milliCPUs && memoryFits
    }

    /// The placed jobs of a worker that stand before a place in the queue.
    func placed(on name: WorkerName, before place: Int) -> [Scheduler.Candidate] {
        situation.queue.prefix(place).filter { worker(of: $0) == name }
    }

    /// Earlier jobs that wait and might run there: nobody may overtake them.
    func waiting(for worker: WorkerState, before place: Int) -> [Scheduler.Candidate] {
        situation.queue.prefix(place).filter {
            self.worker(of: $0) == nil && !isLeftAlone($0) && couldServe(worker, $0)
        }
    }

    /// CPUs that are left after the jobs that were placed before a place in the queue.
    private func freeCPUs(_ worker: WorkerState, before place: Int) -> Int64 {
        let jobs = placed(on: worker.name, before: place).map(\.spec.resources)
        let taken = (jobs + [worker.reserved, worker.foreignUse]).reduce(0) { $0 + $1.milliCPUs }
        return (worker.welcome?.capacity.milliCPUs ?? 0) - taken
    }

    /// Workers that could take the job if it comes to it now: the one with most free CPUs first,
    /// of equals in the order of their names.
    func open(to place: Int) -> [WorkerName] {
        let candidate = situation.queue[place]
        guard !isLeftAlone(candidate) else { return [] }
        let open = situation.workers.filter { worker in
            couldServe(worker, candidate) && waiting(for: worker, before: place).isEmpty
                && hasRoom(
                    worker, for: candidate, after: placed(on: worker.name, before: place))
        }
        return open.sorted {
            let (left, right) = (freeCPUs($0, before: place), freeCPUs($1, before: place))
            return left == right ? $0.name < $1.name : left > right
        }.map(\.name)
    }

    /// What is wrong with the plan; empty if nothing is.
    var faults: [String] {
        var faults: [String] = []
        let places = placements.map { placement in
            situation.queue.firstIndex { $0.id == placement.job } ?? -1
        }
        if places != Array(Set(places)).sorted() || places.contains(-1) {
            faults.append("not once each, in the order of the queue")
        }
        for place in situation.queue.indices {
            let name = worker(of: situation.queue[place])
            let open = open(to: place)
            if name != open.first {
                faults.append("job \(place) is on \(name?.text ?? "nothing"), of \(open)")
            }
        }
        return faults
    }
}
