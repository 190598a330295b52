/// Decides which queued job goes where: first in, first out, on workers where it fits.
///
/// Pure and deterministic. A job that would fit an empty worker but does not fit it now holds the
/// worker for itself: what came later does not overtake it there, so nobody starves. A job that
/// fits nowhere, or whose worker is unreachable, holds nothing up.
package enum Scheduler {
    /// A queued job as the scheduler sees it.
    package struct Candidate: Sendable {
        package var id: JobID
        package var spec: JobSpec
        package var notBefore: WallTime?
        /// What the worker has to have of content; `nil` where that is not to be looked at.
        package var tree: TreeReference?
        package var data: DataConstraints

        package init(
            id: JobID, spec: JobSpec, notBefore: WallTime?, tree: TreeReference? = nil,
            data: DataConstraints = .none
        ) {
            self.tree = tree
            self.data = data
            self.id = id
            self.spec = spec
            self.notBefore = notBefore
        }

        /// Whether the job is still to be left alone. A moment further away than any back-off
        /// reaches was meant for a clock that has been set since, and counts as passed.
        func backsOff(at now: WallTime) -> Bool {
            guard let notBefore, notBefore > now else { return false }
            return notBefore.milliseconds - now.milliseconds <= Scheduler.longestBackoff.count
        }
    }

    /// The longest that a job is left alone before it is offered to a worker again.
    static let longestBackoff = Milliseconds.minutes(1)

    /// What to do now, and when to look again.
    struct Decision: Hashable {
        var placements: [Placement] = []
        /// The earliest moment at which a job that was passed over may be placed after all.
        var lookAgainAt: WallTime?
    }

    /// The decision that a job starts now, all of its tasks together.
    package struct Placement: Hashable, Sendable {
        package var job: JobID
        /// By rank.
        package var workers: [WorkerName]
    }

    /// - Parameters:
    ///   - queue: in the order of submission; read only as far as a worker has room.
    ///   - workers: sorted by name.
    /// - Returns: placements in the order of the queue; together they fit.
    package static func plan(
        queue: some Sequence<Candidate>, workers: [WorkerState], now: WallTime
    ) -> [Placement] {
        decide(queue: queue, workers: workers, now: now).placements
    }

    static func decide(
        queue: some Sequence<Candidate>, workers: [WorkerState], now: WallTime,
        steady: SteadyTime = SteadyTime(milliseconds: 0)
    ) -> Decision {
        var lanes = workers.filter(\.takesJobs).map { Lane(worker: $0, free: $0.free) }
        var decision = Decision()
        for candidate in queue {
            if lanes.allSatisfy({ $0.isHeld || $0.free.milliCPUs == 0 }) { break }
            if let notBefore = candidate.notBefore, candidate.backsOff(at: now) {
                decision.lookAgainAt = min(decision.lookAgainAt ?? notBefore, notBefore)
                continue
            }
            let needs = candidate.spec.resources
            let eligible = lanes.indices.filter { lanes[$0].accepts(candidate) }
            if candidate.spec.placement.isChoice, eligible.count > 1, let tree = candidate.tree,
                eligible.contains(where: { lanes[$0].isAsked(about: tree, at: steady) })
            {
                // It keeps its place in the queue while its choices are being compared.
                for lane in eligible { lanes[lane].isHeld = true }
                continue
            }
            if let places = places(for: candidate, among: eligible, of: lanes) {
                for lane in places { lanes[lane].free = lanes[lane].free - needs }
                decision.placements.append(
                    Placement(job: candidate.id, workers: places.map { lanes[$0].name }))
            } else {
                for lane in eligible { lanes[lane].isHeld = true }
            }
        }
        return decision
    }

    /// A lane for each task of a job, those of one worker together; `nil` where there is not room
    /// for all. Of equal lanes the first by name.
    private static func places(
        for candidate: Candidate, among eligible: [Int], of lanes: [Lane]
    ) -> [Int]? {
        let spec = candidate.spec
        let open = eligible.filter { !lanes[$0].isHeld }.sorted {
            lanes[$0].isBetter(than: lanes[$1], for: candidate.tree)
                || (!lanes[$1].isBetter(than: lanes[$0], for: candidate.tree) && $0 < $1)
        }
        var places: [Int] = []
        for lane in open {
            let room = lanes[lane].free.count(of: spec.resources, atMost: spec.nodesPerWorker)
            places += repeatElement(lane, count: min(room, spec.nodeCount - places.count))
            if places.count == spec.nodeCount { return places }
        }
        return nil
    }

    /// What a worker has left while a plan is being made.
    private struct Lane {
        let worker: WorkerState
        var free: Resources
        var name: WorkerName { worker.name }
        var capacity: Resources { worker.welcome?.capacity ?? .none }
        /// A job that came earlier waits for room here.
        var isHeld = false

        /// Fewest missing bytes first, then most free CPUs.
        func isBetter(than other: Lane, for tree: TreeReference?) -> Bool {
            if let tree {
                let own = worker.locality[tree]?.bytes ?? ByteCount(.max)
                let others = other.worker.locality[tree]?.bytes ?? ByteCount(.max)
                if own != others { return own < others }
            }
            return free.milliCPUs > other.free.milliCPUs
        }

        func isAsked(about tree: TreeReference, at now: SteadyTime) -> Bool {
            worker.locality[tree]?.isAwaited(at: now) ?? false
        }

        func accepts(_ candidate: Candidate) -> Bool {
            worker.isMeant(by: candidate.spec) && candidate.spec.resources.fits(in: capacity)
                && worker.obstacle(to: candidate) == nil
        }
    }

    /// The largest worker that could take the job if it were large enough, where none is; `nil`
    /// where one is, or where it is not known yet.
    package static func neverFits(
        _ candidate: Candidate, workers: [WorkerState]
    ) -> WorkerState? {
        let eligible = workers.filter {
            $0.isMeant(by: candidate.spec) && $0.obstacle(to: candidate) == nil
        }
        let room = eligible.reduce(0) { sum, worker in
            let most = candidate.spec.nodesPerWorker
            return sum
                + (worker.welcome.map {
                    $0.capacity.count(of: candidate.spec.resources, atMost: most)
                } ?? candidate.spec.nodeCount)
        }
        if room >= candidate.spec.nodeCount { return nil }
        return eligible.max {
            ($0.welcome?.capacity.milliCPUs ?? 0) < ($1.welcome?.capacity.milliCPUs ?? 0)
        }
    }

    /// How many tasks of a job there is room for on some workers.
    private static func room(
        for spec: JobSpec, on workers: [WorkerState], by share: (WorkerState) -> Resources
    ) -> Int {
        workers.reduce(0) {
            $0 + share($1).count(of: spec.resources, atMost: spec.nodesPerWorker)
        }
    }

    /// `3 nodes with 2 CPUs each, on as many workers`.
    static func nodes(of spec: JobSpec) -> String {
        let spread =
            spec.nodesPerWorker == 1
            ? ", on as many workers" : ", at most \(spec.nodesPerWorker) on a worker"
        return "\(spec.nodeCount) nodes with \(spec.resources) each\(spread)"
    }

    /// Why a queued job does not run.
    ///
    /// - Parameter ahead: how many queued jobs came earlier.
    package static func reason(
        _ candidate: Candidate, workers: [WorkerState], ahead: Int, now: WallTime
    ) -> WaitingReason {
        let eligible = workers.filter { $0.isMeant(by: candidate.spec) }
        guard let first = eligible.first else {
            let what =
                candidate.spec.placement == .any
                ? "there is no worker" : "its worker does not exist any more"
            return WaitingReason(.workerUnknown, what)
        }
        if let notBefore = candidate.notBefore, candidate.backsOff(at: now) {
            let seconds = (notBefore.milliseconds - now.milliseconds + 999) / 1000
            return WaitingReason(
                .backingOff, "the worker refused it; tried again in \(seconds) s")
        }
        let connected = eligible.filter(\.link.isConnected)
        guard !connected.isEmpty else {
            let what =
                if case .needsLogin = first.link { "needs login" } else { "is not reachable" }
            return WaitingReason(
                .workerUnreachable, "`\(first.name)` \(what)" + first.link.because)
        }
        let open = connected.filter { !$0.record.isDrained }
        guard !open.isEmpty else {
            return WaitingReason(
                .workerDrained,
                eligible.count == 1
                    ? "`\(first.name)` takes no new jobs until `shunt worker resume \(first.name)`"
                    : "none of the reachable workers takes new jobs until `shunt worker resume`")
        }
        let able = open.filter { $0.obstacle(to: candidate) == nil }
        guard !able.isEmpty else {
            return waiting(
                open.compactMap { $0.obstacle(to: candidate) }, on: open.map(\.name))
        }
        let spec = candidate.spec
        let needs = spec.resources
        let most = room(for: spec, on: able) { $0.welcome?.capacity ?? .none }
        guard most >= spec.nodeCount else {
            let what =
                spec.nodeCount == 1
                ? "needs \(needs), more than any reachable worker has in all"
                : "needs \(nodes(of: spec)), and the reachable workers have room for \(most) in all"
            return WaitingReason(.tooLarge, what)
        }
        if let tree = candidate.tree, candidate.spec.placement.isChoice, able.count > 1,
            able.contains(where: { $0.locality[tree]?.isAsked ?? false })
        {
            return WaitingReason(
                .comparingWorkers, "finding out which worker lacks least of its files")
        }
        let free = room(for: spec, on: able, by: \.free)
        if free >= spec.nodeCount, ahead > 0 {
            return WaitingReason(
                .behindOthers,
                ahead == 1 ? "1 job is ahead of it" : "\(ahead) jobs are ahead of it")
        }
        if spec.nodeCount > 1 {
            return WaitingReason(
                .workerBusy,
                "needs \(nodes(of: spec)); there is room for \(free)"
                    + (ahead > 0 ? ", \(ahead) \(ahead == 1 ? "job" : "jobs") ahead" : ""))
        }
        let large = able.first { needs.fits(in: $0.welcome?.capacity ?? .none) }
        let busiest = large ?? able[0]
        let queueText = ahead > 0 ? ", \(ahead) \(ahead == 1 ? "job" : "jobs") ahead" : ""
        return WaitingReason(
            .workerBusy,
            "needs \(needs); `\(busiest.name)` has \(busiest.free) free\(queueText)")
    }
}
