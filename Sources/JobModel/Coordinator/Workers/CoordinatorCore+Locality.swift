/// What each worker would have to be sent for a job that may go to any of them.
extension CoordinatorCore {
    /// How long a job waits to hear what the workers lack before it is placed without knowing.
    static let measureLimit = Milliseconds.seconds(3)

    /// Asks the workers among which the scheduler can choose, each once for a tree.
    mutating func measure(_ turn: inout Turn) {
        var asked = 0
        for id in queue {
            guard let job = jobs[id], job.spec.placement.isChoice, job.waitsFor.isEmpty
            else { continue }
            // What is far back in the queue is asked for when its time comes.
            asked += 1
            if asked > Self.measuredJobs { break }
            let tree = job.inputs.tree
            guard let candidate = candidate(id) else { continue }
            let choices = workers.indices.filter { index in
                workers[index].link.isConnected
                    && workers[index].obstacle(to: candidate) == nil
                    && job.spec.resources.fits(in: workers[index].welcome?.capacity ?? .none)
            }
            guard choices.count > 1 else { continue }
            for index in choices where workers[index].locality[tree] == nil {
                guard let fence = workers[index].fence else { continue }
                let until = turn.now.steady + Self.measureLimit
                workers[index].remember(tree, .asked(until: until))
                turn.act(.measure(workers[index].name, fence, tree))
                wake(until, &turn)
            }
        }
    }

    private static let measuredJobs = 64

    /// Connected workers that have room for a job that may go anywhere, most free CPUs first.
    ///
    /// - Parameter now: whether there has to be room at this moment.
    package func choices(
        for spec: JobSpec, files: [LabelledFile] = [], now: Bool = true
    ) -> [WorkerName] {
        let candidate = Scheduler.Candidate(
            id: JobID(random: 0), spec: spec, notBefore: nil,
            data: constraints(spec, files: files))
        return workers.filter {
            $0.isMeant(by: spec) && $0.takesJobs
                && spec.resources.fits(in: now ? $0.free : $0.welcome?.capacity ?? .none)
                && $0.obstacle(to: candidate) == nil
        }
        .sorted {
            $0.free.milliCPUs == $1.free.milliCPUs
                ? $0.name < $1.name : $0.free.milliCPUs > $1.free.milliCPUs
        }
        .map(\.name)
    }

    /// - Parameter missing: `nil` where it could not be found out.
    mutating func measured(
        _ name: WorkerName, _ fence: Fence, _ tree: TreeReference, missing: ByteCount?
    ) {
        guard let index = workerIndex(name), workers[index].fence == fence,
            workers[index].locality[tree] != nil
        else { return }
        workers[index].remember(tree, missing.map { .missing($0) } ?? .unknown)
    }
}

/// What a worker would have to be sent of a tree.
enum Locality: Hashable, Sendable {
    case asked(until: SteadyTime)
    case missing(ByteCount)
    /// It could not be found out.
    case unknown

    /// Whether the answer has not come.
    var isAsked: Bool {
        switch self {
        case .asked: true
        case .missing, .unknown: false
        }
    }

    /// Whether the answer is still worth waiting for.
    func isAwaited(at now: SteadyTime) -> Bool {
        switch self {
        case .asked(let until): until > now
        case .missing, .unknown: false
        }
    }

    /// For comparing; what is not known counts as the most.
    var bytes: ByteCount {
        switch self {
        case .missing(let count): count
        case .asked, .unknown: ByteCount(.max)
        }
    }
}

extension WorkerState {
    /// Trees about which an answer is kept, the latest.
    private static let rememberedTrees = 1024

    mutating func remember(_ tree: TreeReference, _ answer: Locality) {
        if locality.updateValue(answer, forKey: tree) != nil { return }
        localityOrder.append(tree)
        if localityOrder.count > Self.rememberedTrees {
            locality[localityOrder.removeFirst()] = nil
        }
    }

    mutating func forgetLocality() {
        locality = [:]
        localityOrder = []
    }
}
