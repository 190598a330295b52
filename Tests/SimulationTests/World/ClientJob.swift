@testable import JobModel

/// A person with one job: submits it until it is taken, perhaps signals or cancels it, waits for
/// its end and may ask for its outputs. Asks again whenever an answer does not come.
final class ClientJob {
    private unowned let world: Simulation
    private let home: CoordinatorHome
    private var request: SubmitRequest
    private(set) var id: JobID?
    /// Whether it is to come after another job of its home.
    private let comesAfter: Bool
    private var isAsked = false
    private var isRefused = false
    private var end: JobState?
    private var isCancelling = false

    init(world: Simulation, home: CoordinatorHome, number: Int) {
        self.world = world
        self.home = home
        request = Self.draw(number: number, in: world)
        comesAfter = world.random.happens(150)
    }

    private static func draw(number: Int, in world: Simulation) -> SubmitRequest {
        // Two machines have less than 8 CPUs, and none has 16.
        let cpus = world.random.pick([250, 1000, 1000, 2000, 2000, 4000, 8000, 16_000])
        let memory = world.random.pick([0, 0, 1, 4, 8])
        let place = world.random.below(4)
        let tree = TestTree.reference(world.random.below(4))
        let recipe = EnvironmentRecipe(
            kind: .lock, tree: TestTree.reference(4 + world.random.below(2)), source: "/venv")
        let isGang = world.random.happens(150)
        let nodes = world.random.within(2...4)
        let gang = GangSpec(
            nodes: nodes, nodesPerWorker: world.random.within(1...2),
            outputsFrom: world.random.pick([.first, .all]))
        let spec = JobSpec(
            command: .shell("true"),
            resources: Resources(
                milliCPUs: Int64(cpus), memory: .gibibytes(Int64(memory))),
            software: world.random.happens(300) ? .recipe(recipe) : nil,
            gracePeriod: Milliseconds(Int64(world.random.pick([0, 200, 10_000]))),
            placement: place == 3 || isGang ? .any : .worker(world.machines[place].name),
            secrets: world.random.happens(300) ? ["TOKEN"] : [], gang: isGang ? gang : nil)
        return SubmitRequest(
            clientKey: "key-\(number)", spec: spec,
            inputs: JobInputs(
                tree: tree, fileCount: 1, totalSize: .kibibytes(1), sourceDirectory: "/home/me"),
            confirmed: true)
    }

    var unsettled: String? {
        if isRefused { return nil }
        guard let id else { return "\(request.clientKey) is not taken" }
        return end == nil ? "\(id) is not over: \(home.row(id).map(Text.of) ?? "no row")" : nil
    }

    /// Submits, and again under the same key until an answer comes.
    func submit() {
        guard id == nil, !isRefused else { return }
        if !isAsked, comesAfter { request.spec.after = predecessors() }
        isAsked = true
        let request = request
        ask({ [home] in
            home.keepSecrets(of: request)
            return .submit(request, $0)
        }) { [self] reply in
            switch reply {
            case .submitted(let taken): accepted(taken)
            case .failed: isRefused = true
            case .done: world.oracle.violate(.acknowledgedExists, "a submission without an ID")
            }
        }
        world.after(3000...5000) { [self] in submit() }
    }

    /// One or two of those that this person knows of.
    private func predecessors() -> [JobID] {
        let known = world.jobs.filter { $0.home === home }.compactMap(\.id)
        guard !known.isEmpty else { return [] }
        let first = known[world.random.below(known.count)]
        let second = known[world.random.below(known.count)]
        return first == second ? [first] : [first, second]
    }

    private func accepted(_ taken: JobID) {
        if let id, id != taken {
            world.oracle.violate(.oneJobForAKey, "\(request.clientKey) is \(id) and \(taken)")
        }
        guard id == nil else { return }
        id = taken
        poll()
        let wish = world.random.below(10)
        world.after(0...12_000) { [self] in
            if wish < 3 { cancel(immediately: wish == 0) }
            if wish == 3 { ask({ .event(.signal(taken, number: 2, $0)) }) { _ in } }
        }
    }

    private func cancel(immediately: Bool) {
        guard let id, end == nil else { return }
        isCancelling = true
        ask({ .event(.cancel(id, immediately: immediately, $0)) }) { [self] reply in
            guard case .done = reply else { return }
            world.oracle.cancelPromised(id, of: home)
            isCancelling = false
        }
        world.after(3000...5000) { [self] in if isCancelling { cancel(immediately: true) } }
    }

    /// Looks at what the API says, which is about durable state, until the job is over.
    private func poll() {
        guard let id, end == nil else { return }
        if let life = home.life {
            world.oracle.promised(id, of: home)
            if let row = home.row(id), row.state.isTerminal {
                over(row)
                return
            }
            let waits = life.core.waitingReason(of: id, at: life.moment.wall)?.code
            if !world.isUnkind, waits == .tooLarge, !isCancelling { cancel(immediately: false) }
        }
        world.after(300...3000) { [self] in poll() }
    }

    private func over(_ row: JobRecord) {
        end = row.state
        switch row.state {
        case .succeeded: world.counters[.succeeded] += 1
        case .failed: world.counters[.failed] += 1
        case .cancelled: world.counters[.cancelled] += 1
        case .lost: world.counters[.lost] += 1
        case .queued, .active: break
        }
        world.note("\(home.name) told its client that \(row.id) is \(row.state)")
        world.oracle.told(row, of: home)
        if world.random.happens(300) { ask({ .event(.fetch(row.id, $0)) }) { _ in } }
    }

    /// One request over the coordinator's socket, there and back.
    private func ask(
        _ item: @escaping (RequestID) -> CoordinatorLife.Item,
        _ answer: @escaping (CoordinatorReply) -> Void
    ) {
        world.after(0...5) { [self] in
            home.life?.ask(item) { [self] reply in
                if world.random.happens(world.faults.replyLoss) { return }
                world.after(0...5) { answer(reply) }
            }
        }
    }
}

enum TestTree {
    static func reference(_ number: Int) -> TreeReference {
        func digest(_ first: UInt8) -> Digest {
            let bytes = [first, UInt8(number >> 8 & 255), UInt8(number & 255)]
            guard let digest = Digest(bytes: bytes + [UInt8](repeating: 0, count: 29)) else {
                preconditionFailure("a digest has 32 bytes")
            }
            return digest
        }
        return TreeReference(content: digest(1), metadata: digest(2))
    }
}
