/// What workers say, and what becomes of their links.
extension CoordinatorCore {
    mutating func connecting(_ name: WorkerName, _ turn: inout Turn) {
        guard let index = workerIndex(name) else { return }
        // Counted over all workers: one that was removed and added again begins no lower than its
        // agent remembers.
        workers[index].session = nextSession
        nextSession += 2
        turn.act(.open(name, Fence(epoch: epoch, session: workers[index].session)))
    }

    mutating func connected(
        _ name: WorkerName, _ fence: Fence, _ welcome: Welcome, _ turn: inout Turn
    ) throws(IllegalTransition) {
        // A welcome counts once and before the end of its session: an older one knows nothing of
        // what was sent since, and would have tasks that run taken for tasks that never did.
        guard let index = workerIndex(name), fence.epoch == epoch,
            fence.session == workers[index].session, workers[index].fence != fence,
            recognizes(welcome, at: index, fence, &turn)
        else { return }
        workers[index].fence = fence
        workers[index].welcome = welcome
        workers[index].link = .connected
        workers[index].pushes = []
        workers[index].handings = []
        workers[index].forgetLocality()
        let ownUse: Resources = welcome.reports.reduce(.none) { sum, report in
            guard report.phase.holdsResources, let job = jobs[report.token.task.job] else {
                return sum
            }
            return sum + job.spec.resources
        }
        workers[index].foreignUse = welcome.inUse - ownUse
        workers[index].foreignUseVersion = 0
        // The fence is durable there: what is not reported never ran and never will.
        let reported = Set(welcome.reports.map(\.token))
        for id in order {
            guard let job = jobs[id] else { continue }
            for attempt in job.attempts {
                for task in attempt.tasks where task.worker == name {
                    forgetReportVersion(of: task.token)
                    if !task.phase.isFinal, !reported.contains(task.token) {
                        try missing(task, &turn)
                    }
                }
            }
            if job.outputsFetch == .fetching, fetchTask(of: job)?.worker == name {
                startFetch(id, &turn)
            }
        }
        for report in welcome.reports { try apply(report, from: name, &turn) }
        for id in order where hasTask(id, on: name) {
            sendCancels(of: id, &turn)
        }
    }

    /// An agent that made a higher fence durable does not know a task of ours.
    private mutating func missing(
        _ task: TaskRecord, _ turn: inout Turn
    ) throws(IllegalTransition) {
        if task.phase == .dispatching {
            try apply(
                TaskReport(token: task.token, phase: .revoked, version: 1), from: task.worker,
                &turn)
        } else {
            let result = TaskResult(
                verdict: .lost, message: "the worker has no record of the task any more")
            try apply(
                TaskReport(
                    token: task.token, phase: .terminal, version: 1, endedAt: turn.now.wall,
                    result: result),
                from: task.worker, &turn)
        }
    }

    mutating func disconnected(
        _ name: WorkerName, _ fence: Fence, reason: String, login: LoginNeed?,
        _ turn: inout Turn
    ) {
        guard let index = workerIndex(name),
            fence.epoch == epoch, fence.session == workers[index].session
        else { return }
        let before = workers[index].link
        workers[index].session += 1
        workers[index].fence = nil
        workers[index].pushes = []
        workers[index].handings = []
        workers[index].forgetLocality()
        workers[index].link = before.lost(
            at: turn.now.wall, reason: reason, login: login)
        showTasks(on: name, &turn)
        if before != workers[index].link { showQueued(&turn) }
    }

    mutating func receive(
        _ message: AgentMessage, from name: WorkerName, _ turn: inout Turn
    ) throws(IllegalTransition) {
        switch message {
        case .report(let report): try apply(report, from: name, &turn)
        case .needContent(let token, let tree):
            guard let index = workerIndex(name), let job = jobs[token.task.job] else { return }
            if workers[index].pushes.contains(tree) { return }
            workers[index].pushes.append(tree)
            turn.act(.push(name, token, tree, job.inputs.references))
        case .needSecrets(let token): needSecrets(token, from: name, &turn)
        case .reach(let answer): reachAnswered(answer, from: name, &turn)
        case .pong: break
        case .foreignUse(let use, let version):
            guard let index = workerIndex(name), version > workers[index].foreignUseVersion else {
                return
            }
            workers[index].foreignUse = use
            workers[index].foreignUseVersion = version
        case .programs(let programs):
            guard let index = workerIndex(name) else { return }
            workers[index].welcome?.engines = programs.engines
            workers[index].welcome?.tools = programs.tools
        }
    }

    mutating func pushed(
        _ name: WorkerName, _ token: StartToken, _ tree: TreeReference, bytesSent: ByteCount,
        _ failure: TransferFailure?, _ turn: inout Turn
    ) {
        guard let index = workerIndex(name) else { return }
        workers[index].pushes.removeAll { $0 == tree }
        change(token.task.job, &turn) { $0.bytesSent += bytesSent }
        switch failure {
        case nil:
            workers[index].remember(tree, .missing(.zero))
            send(.contentPushed(tree, failure: nil), to: name, &turn)
        case .impossible(let why): send(.contentPushed(tree, failure: why), to: name, &turn)
        case .interrupted:
            // The link is about to be seen broken, and the agent asks again when it is back. Where
            // only the bulk stream broke, it is pushed once more for whoever waits for it.
            guard workers[index].fence != nil, let waiting = waiting(for: tree, on: name) else {
                return
            }
            workers[index].pushes.append(tree)
            turn.act(.push(name, waiting.token, tree, waiting.job.inputs.references))
        }
    }

    /// Whether the job's attempt has a task on a worker.
    func hasTask(_ id: JobID, on name: WorkerName) -> Bool {
        jobs[id]?.current?.tasks.contains { $0.worker == name } ?? false
    }

    /// The first task on a worker that cannot be staged without a tree: not always the one for
    /// which a push began, since that may have been cancelled meanwhile.
    private func waiting(
        for tree: TreeReference, on name: WorkerName
    ) -> (token: StartToken, job: JobRecord)? {
        for id in order {
            guard let job = jobs[id], job.needs(tree) else { continue }
            for task in job.current?.tasks ?? []
            where task.worker == name && !task.phase.isFinal && !task.phase.mayHaveRun {
                return (task.token, job)
            }
        }
        return nil
    }
}

extension JobRecord {
    /// Whether a task of it cannot be staged without a tree.
    fileprivate func needs(_ tree: TreeReference) -> Bool {
        inputs.tree == tree || spec.software?.recipe?.tree == tree
            || spec.container?.tree == tree
    }
}

extension CoordinatorCore {
    private mutating func forgetReportVersion(of token: StartToken) {
        changeTask(token) { $0.reportVersion = 0 }
    }

    /// Changes a task's mirror without counting the job's version.
    mutating func changeTask(_ token: StartToken, _ body: (inout TaskRecord) -> Void) {
        guard var job = jobs[token.task.job] else { return }
        for attempt in job.attempts.indices {
            for task in job.attempts[attempt].tasks.indices
            where job.attempts[attempt].tasks[task].token == token {
                body(&job.attempts[attempt].tasks[task])
                jobs[job.id] = job
                return
            }
        }
    }

    func task(_ token: StartToken) -> TaskRecord? {
        jobs[token.task.job]?.attempts.lazy.flatMap(\.tasks).first { $0.token == token }
    }
}
