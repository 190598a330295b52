/// Bringing the tasks of a gang together: when all are staged they find out at which addresses they
/// reach each other, and when that is durable all of them are let go.
extension CoordinatorCore {
    /// Questions that the tasks of an attempt answer before they start.
    struct ReachRound: Sendable {
        let attempt: AttemptID
        let number: UInt64
        let endpoints: [GangEndpoint]
        var table: ReachTable
        /// How often they have been asked.
        var tries: Int
    }

    /// A task that cannot be reached now may be a moment later.
    private static let reachTries = 3

    /// After a report of a task that is not over.
    mutating func gangAdvanced(_ token: StartToken, _ turn: inout Turn) {
        noteFailure(of: token, &turn)
        let id = token.task.job
        guard let job = jobs[id], job.state == .active, let attempt = job.current,
            attempt.id == token.task.attempt
        else { return }
        if attempt.failure != nil {
            stopGang(id, [token], &turn)
        } else if let rendezvous = attempt.rendezvous {
            // One whose worker was away, or whose agent has forgotten that it was let go.
            if task(token)?.phase == .staged { letGo([token], rendezvous, of: job, &turn) }
        } else {
            meet(job, attempt, from: token, &turn)
        }
    }

    private mutating func meet(
        _ job: JobRecord, _ attempt: AttemptRecord, from token: StartToken, _ turn: inout Turn
    ) {
        guard attempt.tasks.allSatisfy({ $0.phase == .staged }) else { return }
        let endpoints = attempt.tasks.compactMap(\.endpoint)
        guard endpoints.count == attempt.tasks.count else { return }
        if Set(attempt.tasks.map(\.worker)).count == 1 {
            let addresses = endpoints.map { _ in "127.0.0.1" }
            settle(Rendezvous(addresses: addresses, port: endpoints[0].port), job.id, &turn)
            return
        }
        if let round = reachRounds[job.id], round.attempt == attempt.id,
            round.endpoints == endpoints
        {
            // Its worker was away when it was asked, or when it answered.
            let rank = token.task.rank
            if round.table.answers[rank] == nil { ask([rank], round, attempt, &turn) }
            return
        }
        begin(attempt, endpoints, tries: 1, &turn)
    }

    private mutating func begin(
        _ attempt: AttemptRecord, _ endpoints: [GangEndpoint], tries: Int, _ turn: inout Turn
    ) {
        let round = ReachRound(
            attempt: attempt.id, number: nonce(), endpoints: endpoints,
            table: ReachTable(endpoints: endpoints), tries: tries)
        reachRounds[attempt.id.job] = round
        ask(Array(endpoints.indices), round, attempt, &turn)
    }

    private func ask(
        _ ranks: [Int], _ round: ReachRound, _ attempt: AttemptRecord, _ turn: inout Turn
    ) {
        let all = zip(attempt.tasks, round.endpoints).map {
            ReachQuestion.Target(token: $0.token, endpoint: $1)
        }
        for rank in ranks {
            let task = attempt.tasks[rank]
            let question = ReachQuestion(
                token: task.token, round: round.number,
                targets: all.filter { $0.token != task.token })
            send(.reach(question), to: task.worker, &turn)
        }
    }

    mutating func reachAnswered(
        _ answer: ReachAnswer, from name: WorkerName, _ turn: inout Turn
    ) {
        let id = answer.token.task.job
        guard var round = reachRounds[id], round.number == answer.round,
            let job = jobs[id], job.state == .active, let attempt = job.current,
            attempt.id == round.attempt, attempt.rendezvous == nil, attempt.failure == nil,
            let task = task(answer.token), task.worker == name
        else { return }
        round.table.answers[answer.token.task.rank] = answer
        reachRounds[id] = round
        guard round.table.isComplete else { return }
        switch round.table.decide() {
        case .meet(let rendezvous): settle(rendezvous, id, &turn)
        case .unreachable, .divided:
            if round.tries < Self.reachTries {
                begin(attempt, round.endpoints, tries: round.tries + 1, &turn)
            } else {
                giveUp(round.table, of: attempt, &turn)
            }
        }
    }

    /// The commit of this turn comes before the messages.
    private mutating func settle(
        _ rendezvous: Rendezvous, _ id: JobID, _ turn: inout Turn
    ) {
        reachRounds[id] = nil
        changeAttempt(id, &turn) { $0.rendezvous = rendezvous }
        guard let job = jobs[id] else { return }
        letGo(job.current?.tasks.map(\.token) ?? [], rendezvous, of: job, &turn)
    }

    private func letGo(
        _ tokens: [StartToken], _ rendezvous: Rendezvous, of job: JobRecord, _ turn: inout Turn
    ) {
        guard job.cancel == nil else { return }
        for token in tokens {
            guard let task = task(token) else { continue }
            send(.go(token, rendezvous), to: task.worker, &turn)
        }
    }

    private mutating func giveUp(
        _ table: ReachTable, of attempt: AttemptRecord, _ turn: inout Turn
    ) {
        let names = attempt.tasks.map { "`\($0.worker)`" }
        let failure: GangFailure
        switch table.decide() {
        case .meet: return
        case .unreachable(let from, let to, let problem):
            let tried = table.endpoints[to].addresses.joined(separator: ", ")
            failure = GangFailure(
                rank: from,
                message: "\(names[from]) does not reach \(names[to]) (\(tried))"
                    + (problem.map { ": \($0)" } ?? ""))
        case .divided(let to):
            failure = GangFailure(
                rank: to,
                message: "\(names[to]) is reached by the others at different addresses, and by "
                    + "all of them at none")
        }
        let id = attempt.id.job
        reachRounds[id] = nil
        changeAttempt(id, &turn) { $0.failure = failure }
        stopGang(id, attempt.tasks.map(\.token), &turn)
    }
}

// Ending together.
extension CoordinatorCore {
    /// The first task that ends otherwise than well ends the others of its gang.
    mutating func noteFailure(of token: StartToken, _ turn: inout Turn) {
        let id = token.task.job
        guard let job = jobs[id], job.spec.gang != nil, let attempt = job.current,
            attempt.id == token.task.attempt, attempt.failure == nil, job.cancel == nil,
            let task = task(token), task.hasFailed
        else { return }
        reachRounds[id] = nil
        changeAttempt(id, &turn) { $0.failure = GangFailure(rank: token.task.rank) }
        stopGang(id, attempt.tasks.map(\.token), &turn)
    }

    private func stopGang(_ id: JobID, _ tokens: [StartToken], _ turn: inout Turn) {
        let stop = StopOrder(cause: .gang, grace: GangLimits.grace)
        for task in tokens.compactMap({ task($0) }) where task.phase.canBeStopped {
            send(.stop(task.token, stop), to: task.worker, &turn)
        }
    }

    private mutating func changeAttempt(
        _ id: JobID, _ turn: inout Turn, _ body: (inout AttemptRecord) -> Void
    ) {
        change(id, &turn) {
            guard let last = $0.attempts.indices.last else { return }
            body(&$0.attempts[last])
        }
    }
}

extension TaskRecord {
    /// Whether it has ended otherwise than by the command's success, or will have.
    fileprivate var hasFailed: Bool {
        if phase == .revoked { return true }
        if let result { return result.verdict != .succeeded }
        guard let exit else { return false }
        return exit != .exited(code: 0)
    }
}

extension AttemptRecord {
    /// The result that is the attempt's: of a gang that of the task that failed first, else the
    /// gravest. `nil` while there is none.
    package var decisive: TaskResult? {
        guard let failure, tasks.indices.contains(failure.rank) else { return gravest }
        if let message = failure.message {
            return TaskResult(verdict: .stagingFailed, exit: .neverStarted, message: message)
        }
        // One that was revoked has no result, and another may have failed by itself meanwhile.
        guard var result = tasks[failure.rank].result else { return gravest }
        result.message = result.message.map {
            "rank \(failure.rank) on `\(tasks[failure.rank].worker)`: \($0)"
        }
        return result
    }

    private var gravest: TaskResult? {
        tasks.compactMap(\.result).max { $0.verdict.gravity < $1.verdict.gravity }
    }

    /// Whether no command of it ran, and none could: its workers did not take it.
    var neverRan: Bool {
        tasks.contains(where: \.wasTurnedAway)
            && tasks.allSatisfy { $0.wasTurnedAway || $0.wasGivenUp }
    }
}

extension TaskRecord {
    fileprivate var wasTurnedAway: Bool {
        phase == .revoked || result?.verdict == .refused
    }

    /// With the rest of its gang, before its command began.
    fileprivate var wasGivenUp: Bool {
        result?.verdict == .cancelled && result?.cause == .gang && startedAt == nil
    }
}

extension TaskResult.Verdict {
    fileprivate var gravity: Int {
        switch self {
        case .succeeded: 0
        case .refused: 1
        case .cancelled: 2
        case .lost: 3
        case .failed, .stagingFailed, .environmentFailed: 4
        }
    }
}
