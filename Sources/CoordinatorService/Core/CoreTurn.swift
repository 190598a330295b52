internal import JobModel
internal import Ledger

/// What a query sees: the state after everything before it has become durable.
struct CoreTurn {
    let core: CoordinatorCore
    let ledger: Ledger
    let now: Moment
    /// Registered here, a waiter is resumed at the next change of its job.
    var watchers: JobWatchers

    /// The job as the API shows it, from memory or from the ledger.
    ///
    /// - Throws: ``ShuntError`` with `notFound`.
    func view(_ reference: String) throws -> JobView {
        let id = try ledger.resolve(reference)
        return try view(id)
    }

    func view(_ id: JobID) throws -> JobView {
        if let live = core.view(of: id, at: now.wall) { return live }
        guard let record = try ledger.job(id) else {
            throw ShuntError(.notFound, "there is no job `\(id)`", hint: "shunt ps -a")
        }
        return core.view(settled: record)
    }

    func record(_ id: JobID) throws -> JobRecord {
        if let live = core.job(id) { return live }
        guard let record = try ledger.job(id) else {
            throw ShuntError(.notFound, "there is no job `\(id)`", hint: "shunt ps -a")
        }
        return record
    }
}

/// Who waits for which job to change.
struct JobWatchers {
    typealias Waiter = CheckedContinuation<Void, Never>

    private var waiters: [JobID: [UInt64: Waiter]] = [:]

    mutating func add(_ waiter: Waiter, number: UInt64, for id: JobID) {
        waiters[id, default: [:]][number] = waiter
    }

    /// Resumes whoever waits for the job.
    mutating func changed(_ id: JobID) {
        guard let woken = waiters.removeValue(forKey: id) else { return }
        for waiter in woken.values { waiter.resume() }
    }

    /// Resumes one waiter whose time is up.
    mutating func expire(number: UInt64, for id: JobID) {
        waiters[id]?.removeValue(forKey: number)?.resume()
        if waiters[id]?.isEmpty == true { waiters[id] = nil }
    }

    mutating func removeAll() {
        for job in waiters.values {
            for waiter in job.values { waiter.resume() }
        }
        waiters = [:]
    }
}
