import Foundation

@testable import JobModel

/// What of a coordinator outlives its process: the ledger, and who it is.
final class CoordinatorHome {
    unowned let world: Simulation
    let index: Int
    let id: CoordinatorID
    private(set) var life: CoordinatorLife?
    private(set) var epoch: UInt64 = 0
    /// In the order of first commit.
    private(set) var order: [JobID] = []
    private var rows: [JobID: JobRecord] = [:]
    private var keys: [String: JobID] = [:]
    /// The client keys under which secrets are in this machine's memory.
    private var secrets: Set<String> = []

    init(world: Simulation, index: Int) {
        self.world = world
        self.index = index
        id = CoordinatorID(high: 0xc0, low: UInt64(index))
    }

    var name: String { "c\(index)" }

    func note(_ text: String) { world.note("\(name) \(text)") }

    var unsettled: String? {
        guard let life else { return "\(name) is down" }
        if let id = life.core.order.first {
            return "\(name) still has \(id): \(life.core.job(id).map(Text.of) ?? "")"
        }
        if let row = order.lazy.compactMap({ self.rows[$0] }).first(where: { !$0.isSettled }) {
            return "the ledger of \(name) has \(Text.of(row))"
        }
        if let row = order.lazy.compactMap({ self.rows[$0] }).first(where: {
            $0.state.isTerminal && self.secrets.contains($0.clientKey)
        }) {
            return "\(name) still keeps the secrets of \(row.id)"
        }
        for row in order.lazy.compactMap({ self.rows[$0] }) where row.outputsFetch == .held {
            if let size = row.outputs?.totalSize,
                size <= row.spec.pullLimit
            {
                return "the outputs of \(row.id) stay on their worker"
            }
        }
        return nil
    }

    func row(_ id: JobID) -> JobRecord? { rows[id] }

    func job(underKey key: String) -> JobID? { keys[key] }

    /// One transaction.
    func commit(_ jobs: [JobRecord]) {
        for job in jobs {
            world.oracle.committed(job, over: rows[job.id], in: self)
            if rows.updateValue(job, forKey: job.id) == nil {
                order.append(job.id)
                if keys.updateValue(job.id, forKey: job.clientKey) != nil {
                    world.oracle.violate(.oneJobForAKey, "\(job.id) has the key of another job")
                }
            }
        }
    }

    /// The record as it comes back from the ledger's JSON.
    func stored(_ id: JobID) -> JobRecord? {
        rows[id].flatMap { row in
            do {
                return try JSONDecoder().decode(
                    JobRecord.self, from: try JSONEncoder().encode(row))
            } catch {
                world.oracle.violate(.acknowledgedExists, "\(id) cannot be read: \(error)")
                return nil
            }
        }
    }

    func start() {
        guard life == nil else { return }
        epoch += 1
        note("starts in epoch \(epoch)")
        let jobs = order.filter { rows[$0]?.isSettled == false }.compactMap { stored($0) }
        let life = CoordinatorLife(
            home: self, jobs: jobs, lastSequence: rows.values.map(\.sequence).max() ?? 0)
        self.life = life
        let live = jobs.filter { !$0.state.isTerminal && !$0.spec.secrets.isEmpty }
        secrets.formIntersection(live.map(\.clientKey))
        life.begin()
        for job in live where !secrets.contains(job.clientKey) { life.post(.secretsLost(job.id)) }
    }

    func kill() {
        guard let victim = life else { return }
        life = nil
        victim.die()
        // The machine is started again, and its memory is empty.
        if world.random.happens(world.faults.powerCut / 2) { secrets = [] }
        world.counters[.coordinatorKills] += 1
        note("killed")
        world.after(50...4000) { [self] in start() }
    }
}

// Secrets.
extension CoordinatorHome {
    /// What is done before a submission reaches the core.
    func keepSecrets(of request: SubmitRequest) {
        guard !request.spec.secrets.isEmpty else { return }
        let known = job(underKey: request.clientKey).flatMap { row($0) }
        if known?.state.isTerminal != true { secrets.insert(request.clientKey) }
    }

    func hasSecrets(_ clientKey: String) -> Bool { secrets.contains(clientKey) }

    func dropSecrets(_ clientKey: String) { secrets.remove(clientKey) }
}
