internal import CLinux
internal import Glibc
internal import JobModel

// The part of a task that runs in a container: having the engine start it, finding its init, and
// removing it. From init's barrier on, all is as without a container: init is the witness, and
// nothing that the engine does or loses changes what becomes of the task.
extension SupervisorRun {
    /// There is no init at its barrier: has the engine start one in a container.
    mutating func beforeContainer(
        _ engine: EngineCommands, at now: Moment
    ) throws(SystemError) {
        look(after: Self.lookInterval, from: now)
        if let inside = try records.insideReady() {
            try locateInit(inside, engine, at: now)
            return
        }
        if initWatch.hasSpawned {
            endHastyStart(at: now)
            return
        }
        if isComingUp(at: now) {
            look(after: Self.initInterval, from: now)
            return
        }
        // Whoever holds init's lock can say that no init lives, and that none can start.
        guard let lock = try FileLock.take(TaskDirectory.initLock, in: records.directory) else {
            look(after: Self.initInterval, from: now)
            return
        }
        look(after: Milliseconds(1), from: now)
        let isFresh = !records.has(InitProcess.name) && !records.has(ExitRecord.name)
        if isFresh, records.has(ContainerRun.marker) {
            // An engine that is still at it would start one behind our back.
            endStart(engine)
        }
        if isFresh, let problem = reasonNotToStart() {
            try endWithoutInit(problem.status, cause: problem.cause, problem: problem.text)
        }
        lock.release()
        guard isFresh, !records.has(EndedRecord.name) else { return }
        try startContainer(engine, at: now)
    }

    private struct Refusal {
        var status = ExitStatus.neverStarted
        var cause: StopCause?
        var text: String?
    }

    private mutating func reasonNotToStart() -> Refusal? {
        if let launch, launch.bootID != BootID.current() {
            return Refusal(status: .vanished, text: "the machine was started anew")
        }
        if let request = stopRequest() { return Refusal(cause: request.order.cause) }
        guard initWatch.attempts >= ContainerRun.mostAttempts else { return nil }
        return Refusal(text: "the container could not be started: " + engineWords())
    }

    private mutating func startContainer(
        _ engine: EngineCommands, at now: Moment
    ) throws(SystemError) {
        try SmallFile.write(
            RecordText().encoded(kind: "engine"), to: ContainerRun.marker, in: records.directory,
            durable: false)
        unlinkat(records.directory.raw, ContainerRun.errors, 0)
        let child = ChildProcess(
            executable: engine.start[0], arguments: engine.start,
            standardError: task.path + "/" + ContainerRun.errors,
            environment: engine.environment)
        container = ContainerRun(askedAt: now.steady)
        do throws(SystemError) {
            initWatch.spawned(try child.spawn())
            look(after: Self.lookInterval, from: now)
        } catch {
            guard [EAGAIN, ENOMEM].contains(error.errno) else {
                try endWithoutInit(
                    .neverStarted, problem: "the container engine cannot be started: \(error)")
                return
            }
        }
    }

    /// An engine that takes too long, or whose container nobody wants any more.
    private mutating func endHastyStart(at now: Moment) {
        let since = container.askedAt ?? now.steady
        guard now.steady - since >= ContainerRun.startPatience || stopRequest() != nil else {
            return
        }
        let token = launch?.plan.token ?? ""
        _ = OrphanSweep(token: token, cgroup: nil, takesChildren: false).round()
    }

    /// The engine has said that the container runs, and init is given its time.
    private mutating func isComingUp(at now: Moment) -> Bool {
        guard container.askedAt != nil, initWatch.attempts > 0, initWatch.lastStatus == 0 else {
            return false
        }
        let since = container.startedAt ?? now.steady
        container.startedAt = since
        return now.steady - since < ContainerRun.initPatience
    }

    /// Init stands at its barrier: writes down what it is called here, on which everybody else
    /// waits.
    private mutating func locateInit(
        _ inside: InitProcess, _ engine: EngineCommands, at now: Moment
    ) throws(SystemError) {
        let search = ContainerInit(
            directory: task.path, startTicks: inside.process.startTicks)
        guard let pid = search.find() else {
            look(after: Self.initInterval, from: now)
            let since = container.unseenSince ?? now.steady
            container.unseenSince = since
            if now.steady - since >= ContainerRun.initPatience {
                // A /proc that does not show it: nobody could end what nobody can name.
                Supervisor.report("the container's init cannot be found in /proc")
                container.unseenSince = nil
                runRemoval(engine)
            }
            return
        }
        let host = HostProcess(
            pid: pid, enforcesMemory: engine.enforcesMemory, enforcesCPU: engine.enforcesCPU)
        try SmallFile.write(
            host.encoded, to: HostProcess.name, in: records.directory,
            durable: false)
        look(after: Milliseconds(1), from: now)
    }

    /// What nothing tells of at the start of a container.
    private static let initInterval = Milliseconds(10)
}

// MARK: - The end

extension SupervisorRun {
    /// Ends an engine that is starting the container, and what it has made of it.
    private mutating func endStart(_ engine: EngineCommands) {
        let sweep = OrphanSweep(
            token: launch?.plan.token ?? "", cgroup: nil, takesChildren: false)
        for _ in 0..<Self.sweepLimit {
            if sweep.round() == 0 { break }
            // The pause between two looks at what SIGKILL has left.
            poll(nil, 0, 10)
        }
        runRemoval(engine)
    }

    private static let sweepLimit = 100

    /// Removes what the engine keeps of the container once nothing lives in it.
    ///
    /// - Returns: whether there is nothing left to do.
    mutating func removeContainer(at now: Moment) -> Bool {
        guard let engine = launch?.plan.engine, records.has(ContainerRun.marker) else {
            return true
        }
        let since = container.removableAt ?? now.steady
        container.removableAt = since
        if isInitUncollected, now.steady - since < ContainerRun.reapPatience {
            look(after: Self.initInterval, from: now)
            return false
        }
        guard let problem = runRemoval(engine) else { return true }
        container.removals += 1
        guard container.removals < ContainerRun.mostRemovals else {
            Supervisor.report("the container could not be removed: \(problem)")
            return true
        }
        look(after: Self.lookInterval, from: now)
        return false
    }

    private var isInitUncollected: Bool {
        // A record that is damaged names nobody.
        guard let process = ((try? records.ready()) ?? nil)?.process else { return false }
        return ProcessState.startTicks(of: process.pid) == process.startTicks
    }

    /// - Returns: the engine's words where it did not do it.
    @discardableResult
    private func runRemoval(_ engine: EngineCommands) -> String? {
        let log = task.path + "/" + ContainerRun.answer
        let removal = HelperProcess(
            arguments: engine.remove, environment: engine.environment, workingDirectory: "/",
            outputPath: log)
        defer { unlink(log) }
        do {
            let ending = try removal.run(within: ContainerRun.removePatience, abort: AbortFlag())
            if ending == .exited(0) { return nil }
            return SmallFile.text(log)?.trimmedLine ?? "\(ending)"
        } catch {
            return "\(error)"
        }
    }

    /// The last lines of what the engine said.
    private func engineWords() -> String {
        let text = SmallFile.text(task.path + "/" + ContainerRun.errors) ?? ""
        let lines = text.split(separator: "\n").suffix(Self.shownLines)
        let words = lines.joined(separator: "\n").trimmedLine
        if !words.isEmpty { return words }
        return initWatch.lastStatus == 0
            ? "its init did not come to its barrier"
            : "the engine ended with wait status \(initWatch.lastStatus)"
    }

    private static let shownLines = 20

    /// How often the kernel has ended something in the container for want of memory, which init
    /// does not see.
    func memoryKills(_ process: InitProcess?) -> Int {
        guard launch?.plan.engine != nil, let process else { return 0 }
        return MemoryShortage.kills(inGroupOf: process.process.pid)
    }
}
