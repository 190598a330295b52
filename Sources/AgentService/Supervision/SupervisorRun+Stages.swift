internal import CLinux
internal import Glibc
internal import JobModel
internal import SecretStore

// What a supervisor does in each stage of a task.
extension SupervisorRun {
    /// Collects every child that is dead: init, and orphans of an init that was killed.
    mutating func reapOrphans() {
        var status: Int32 = 0
        while true {
            let pid = waitpid(-1, &status, WNOHANG)
            if pid > 0 {
                initWatch.reaped(pid, status: status)
            } else if pid == 0 || errno != EINTR {
                return
            }
        }
    }

    /// There is no init at its barrier: starts one, unless the task has been stopped before that.
    mutating func beforeInit(at now: Moment) throws(SystemError) {
        if let engine = launch?.plan.engine {
            try beforeContainer(engine, at: now)
            return
        }
        // Whoever holds init's lock can say that no init lives, and that none can start.
        guard !initWatch.hasSpawned,
            let lock = try FileLock.take(TaskDirectory.initLock, in: records.directory)
        else {
            look(after: Self.lookInterval, from: now)
            return
        }
        let isFresh = !records.has(InitProcess.name) && !records.has(ExitRecord.name)
        guard isFresh else {
            lock.release()
            look(after: Milliseconds(1), from: now)
            return
        }
        if let launch, launch.bootID != BootID.current() {
            // Files that are not durable may be missing: nobody can say that it never ran.
            try endWithoutInit(.vanished, problem: "the machine was started anew")
        } else if let request = stopRequest() {
            try endWithoutInit(.neverStarted, cause: request.order.cause)
        } else {
            lock.release()
            try startInit(at: now)
            return
        }
        lock.release()
        look(after: Milliseconds(1), from: now)
    }

    private mutating func startInit(at now: Moment) throws(SystemError) {
        var problem: String?
        if launch == nil { problem = "the launch file cannot be used" }
        if initWatch.attempts >= Self.mostInitAttempts {
            problem = "init ends before its barrier (wait status \(initWatch.lastStatus))"
        }
        guard let launch, problem == nil else {
            try endWithoutInit(.neverStarted, problem: problem)
            look(after: Milliseconds(1), from: now)
            return
        }
        let executable = launch.plan.initExecutable
        let child = ChildProcess(
            executable: executable, arguments: [executable, task.path],
            standardError: task.path + "/" + TaskDirectory.supervisorErrors)
        do throws(SystemError) {
            initWatch.spawned(try child.spawn())
        } catch {
            // Memory and processes come back; a missing executable does not.
            guard [EAGAIN, ENOMEM].contains(error.errno) else {
                try endWithoutInit(.neverStarted, problem: "init cannot be started: \(error)")
                look(after: Milliseconds(1), from: now)
                return
            }
        }
        look(after: Self.lookInterval, from: now)
    }

    /// How often an init may end before its barrier until it is given up.
    private static let mostInitAttempts = 5

    mutating func endWithoutInit(
        _ status: ExitStatus, cause: StopCause? = nil, problem: String? = nil
    ) throws(SystemError) {
        var record = EndedRecord(
            ending: TaskEnding(exit: status, cause: cause), end: Moment.now())
        record.problem = problem
        try writeEnded(record)
    }

    /// Tells the tree to stop, or kills it, when that is due.
    mutating func keepTime(start: SteadyTime?, at now: Moment) throws(SystemError) {
        // Without its launch file a running task can still be stopped.
        let plan = launch?.plan
        let schedule = StopSchedule(
            maxDuration: exit == nil ? plan?.maxDuration : nil,
            grace: plan?.stopGrace ?? .seconds(10))
        let request = stopRequest()
        while killing == nil {
            switch schedule.next(
                at: now.steady, start: start, request: request, stopping: stopping)
            {
            case .wait(let time):
                if let time { nextLook = nextLook.map { min($0, time) } ?? time }
                return
            case .begin(let record):
                save(record)
                if record.deadline > now.steady { try tell(.stop(plan?.stopSignal ?? SIGTERM)) }
            case .hasten(let record):
                save(record)
            case .kill:
                try tell(.kill)
                killing = KillSchedule(since: now.steady)
            }
        }
        endByHand(at: now)
    }

    /// What the agent asks for. A request that cannot be understood is not obeyed but said.
    mutating func stopRequest() -> StopRequest? {
        do throws(SystemError) {
            return try records.read(StopRequest.name, StopRequest.init)
        } catch {
            if !hasReportedStop { Supervisor.report("\(error)") }
            hasReportedStop = true
            return nil
        }
    }

    private mutating func save(_ record: StoppingRecord) {
        stopping = record
        // On a full disk a successor grants the grace period again: late, but no harm.
        try? SmallFile.write(
            record.encoded, to: StoppingRecord.name, in: records.directory, durable: false)
    }

    /// Init is dead and the tree may not be. Ends what can be found, then testifies.
    mutating func endOrphans(_ exit: ExitRecord?) throws(SystemError) {
        initWatch.forget()
        // A record that is damaged (a power cut: nothing of its boot lives) tells of no cgroup.
        let process = try? records.ready()
        let sweep = OrphanSweep(
            token: launch?.plan.token ?? "", cgroup: process?.cgroup,
            limitCgroups: process?.limitCgroups ?? [],
            takesChildren: launch?.plan.engine == nil)
        let killed = sweep.round()
        reapOrphans()
        guard killed == 0 else {
            orphanRounds += 1
            let pause = orphanRounds < 50 ? Milliseconds(10) : Self.lookInterval
            look(after: pause, from: Moment.now())
            return
        }
        sweep.removeCgroups()
        if let exit {
            try finish(exit, tree: nil)
            return
        }
        drain()
        // Without it (never started, or damaged) the record has no start to tell.
        let running = try? records.running()
        var record = EndedRecord(
            ending: TaskEnding(exit: .vanished, cause: stopping?.cause), end: Moment.now())
        record.start = running?.start
        record.killMethod = process?.process.killMethod
        try writeEnded(record)
        look(after: Milliseconds(1), from: Moment.now())
    }

    /// Somebody has removed the directory, so that nothing can be testified to any more. What runs
    /// is ended here, since an agent that has lost its own directory too knows nothing of it.
    ///
    /// - Throws: ``SystemError``, which says what is missing, once nothing is left.
    mutating func endWithoutRecords(at now: Moment) throws(SystemError) {
        let missing = SystemError(call: "find", subject: LaunchFile.name, errno: ENOENT)
        guard let plan = launch?.plan else { throw missing }
        // Whoever removes it is not done, or has taken files out of it and no more.
        guard try records.isRemoved() else { return look(after: Self.lookInterval, from: now) }
        let sweep = OrphanSweep(
            token: plan.token, cgroup: knownInit?.cgroup,
            limitCgroups: knownInit?.limitCgroups ?? [], takesChildren: plan.engine == nil)
        let killed = sweep.round()
        reapOrphans()
        guard killed > 0, orphanRounds < Self.sweepLimit else {
            sweep.removeCgroups()
            removeSecrets()
            throw missing
        }
        orphanRounds += 1
        look(after: Milliseconds(10), from: now)
    }

    private static let sweepLimit = 1000

    /// Tree and command are gone: reads what is left of the output, and testifies.
    mutating func finish(_ exit: ExitRecord, tree: TreeRecord?) throws(SystemError) {
        drain()
        // One that is damaged has nothing left to tell: the command has ended.
        let process = try? records.ready()
        var record = EndedRecord(
            ending: TaskEnding(
                exit: exit.status,
                cause: exit.wasStopped || endedByHand ? stopping?.cause : nil),
            end: exit.end)
        record.noteOutOfMemory(exit.outOfMemoryKills + memoryKills(process))
        record.problem = exit.problem
        record.start = exit.start
        record.usage = exit.usage
        record.killMethod = tree?.method ?? process?.process.killMethod
        record.leftovers = tree?.leftovers ?? 0
        try writeEnded(record)
        look(after: Milliseconds(1), from: Moment.now())
    }

    /// Completes the record with what is known of the log, and makes both durable. On a full disk
    /// for which nothing was reserved it is tried again until there is space.
    private mutating func writeEnded(_ incomplete: EndedRecord) throws(SystemError) {
        var record = incomplete
        let sync = log.finish(at: Moment.now())
        record.logSyncErrno = sync == 0 ? nil : sync
        record.logLength = log.offset
        record.droppedOutput = log.dropped(.standardOutput)
        record.droppedErrors = log.dropped(.standardError)
        do throws(SystemError) {
            try SmallFile.write(
                record.encoded, to: EndedRecord.name, in: records.directory, durable: true)
        } catch {
            guard [ENOSPC, EDQUOT].contains(error.errno) else { throw error }
            look(after: Self.lookInterval, from: Moment.now())
        }
    }

    /// Nothing that might read them lives any more. An agent that hears of the end does it too.
    private func removeSecrets() {
        guard let secrets = launch?.plan.secrets else { return }
        do throws(ShuntError) {
            try SecretVault.remove(directory: secrets.directory)
        } catch {
            Supervisor.report("\(error)")
        }
    }

    /// The last record is written: init may go, with the FIFOs that it held.
    ///
    /// - Returns: whether it is gone.
    mutating func dismissInit(at now: Moment) throws(SystemError) -> Bool {
        removeSecrets()
        guard try records.isHeld(TaskDirectory.initLock) else {
            return removeContainer(at: now)
        }
        // To one that came to its barrier too late, `quit` means nothing until it is killed.
        if exit == nil { try tell(.kill) }
        try tell(.quit)
        killDeafInit(at: now)
        look(after: Milliseconds(initWatch.descriptor >= 0 ? 500 : 10), from: now)
        return false
    }
}
