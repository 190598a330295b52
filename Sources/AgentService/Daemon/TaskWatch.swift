internal import ByteStream
internal import Glibc
internal import JobModel
internal import Logging
internal import UVLoop

/// One launched task as its agent watches it: the watch on its directory, and what was seen last.
/// Belongs to the agent's actor.
struct TaskWatch {
    let token: StartToken
    let directory: String
    let watch: PathWatch
    /// An observation is under way; another one is wanted after it.
    var isLooking = false
    var lookAgain = false
    /// Supervisors that this agent started and has to reap.
    var supervisors: [Int32] = []
    /// Supervisors started without anything having moved in between.
    var fruitlessStarts = 0
    var startAllowedAt: SteadyTime
    var reportedReady = false
    var reportedSurvivors = false
    /// Since when the supervisor has been found stopped.
    var stoppedSince: SteadyTime?

    /// Records on which the agent acts. The supervisor acts on the others, and its own end is told
    /// by SIGCHLD, or found by the timer where another agent started it.
    private static let news = [InitProcess.name, HostProcess.name, EndedRecord.name, "survivors"]
        .map { Array($0.utf8) }

    /// Whether a change in the directory is worth a look; a dozen others come with every task.
    static func isNews(_ change: Result<PathWatch.Change, StreamError>) -> Bool {
        guard case .success(let change) = change, let name = change.name else { return true }
        return change.isRename && news.contains(name)
    }
}

/// Watching launched tasks: inotify says when to look, a timer makes up for what it misses.
extension AgentDaemon {
    /// After so many supervisors that achieved nothing, a task that has not started is given up.
    private static let fruitlessLimit = 5
    private static let restartInterval = Milliseconds(500)

    /// Watches a task's directory and keeps a supervisor in it until the task has ended.
    func watch(_ order: StartOrder) {
        let token = order.token
        if watches[token] != nil {
            look(at: token)
            return
        }
        let directory = home.taskDirectory(token)
        do {
            let watch = try PathWatch(path: directory, on: loop) { [weak self] change in
                guard TaskWatch.isNews(change) else { return }
                self?.assumeIsolated { $0.look(at: token) }
            }
            watches[token] = TaskWatch(
                token: token, directory: directory, watch: watch, startAllowedAt: .current)
            look(at: token)
        } catch {
            post(.launchFailed(token, message: "the task cannot be watched: \(error)"))
        }
    }

    func unwatch(_ token: StartToken) {
        guard let watch = watches.removeValue(forKey: token) else { return }
        watch.watch.close()
        orphanedSupervisors += watch.supervisors
    }

    /// Looks at every watched task: what inotify told nothing about.
    func lookAtAll() {
        for token in watches.keys.sorted(by: { $0.task < $1.task }) { look(at: token) }
    }

    func look(at token: StartToken) {
        guard var watch = watches[token] else { return }
        if watch.isLooking {
            watch.lookAgain = true
            watches[token] = watch
            return
        }
        watch.isLooking = true
        watch.lookAgain = false
        watches[token] = watch
        let directory = watch.directory
        Task {
            do {
                let seen = try await disk.run { try TaskDirectory(directory).observe() }
                await act(on: seen, of: token)
            } catch {
                logger.error(
                    "a task cannot be observed",
                    metadata: ["task": "\(token.task)", "error": "\(error)"])
            }
            watches[token]?.isLooking = false
            if watches[token]?.lookAgain == true { look(at: token) }
        }
    }

    private func act(on seen: TaskObservation, of token: StartToken) async {
        switch seen.phase {
        case .notLaunched:
            await giveUp(token)
            return
        case .ended(let record):
            if seen.needsSupervisor { await supervise(token) }
            unwatch(token)
            post(.ended(token, record.report))
            return
        case .atBarrier(let process):
            watches[token]?.fruitlessStarts = 0
            if watches[token]?.reportedReady == false {
                watches[token]?.reportedReady = true
                post(.initReady(token, process.process))
            }
        case .running: watches[token]?.fruitlessStarts = 0
        case .launching, .ending, .vanishing: break
        }
        if !seen.survivors.isEmpty, watches[token]?.reportedSurvivors == false {
            watches[token]?.reportedSurvivors = true
            post(.unkillable(token))
        }
        rouse(seen.stoppedSupervisor, of: token)
        if seen.needsSupervisor { await supervise(token) }
    }

    /// Lets a supervisor go on that somebody has stopped, or kills it where that does not help:
    /// another one takes its place.
    private func rouse(_ supervisor: Int32?, of token: StartToken) {
        guard let supervisor else {
            watches[token]?.stoppedSince = nil
            return
        }
        let since = watches[token]?.stoppedSince ?? .current
        watches[token]?.stoppedSince = since
        let isHopeless = SteadyTime.current - since >= Self.rousePatience
        logger.warning(
            "a supervisor was stopped", metadata: ["task": "\(token.task)", "pid": "\(supervisor)"])
        kill(supervisor, isHopeless ? SIGKILL : SIGCONT)
    }

    private static let rousePatience = Milliseconds.seconds(5)

    /// A task whose directory is gone has nobody left to testify: what can be found of it is ended,
    /// and then it is lost, or never was.
    private func giveUp(_ token: StartToken) async {
        let supervisors = watches[token]?.supervisors ?? []
        unwatch(token)
        let task = core.task(token)
        guard let process = task?.process else {
            post(.launchFailed(token, message: "the task's plan is gone"))
            return
        }
        do {
            try await disk.run {
                let sweep = OrphanSweep(
                    token: token.description, cgroup: nil, takesChildren: false)
                sweep.kill(process)
                for _ in 0..<Self.sweepLimit {
                    if sweep.round() == 0 { break }
                    // The pause between two looks at what SIGKILL has left.
                    usleep(10_000)
                }
                for pid in supervisors { kill(pid, SIGKILL) }
            }
        } catch {
            logger.error(
                "a task without its directory could not be ended",
                metadata: ["task": "\(token.task)", "error": "\(error)"])
        }
        let problem = "its records on the worker are gone: somebody removed them"
        post(.ended(token, TaskEnding(exit: .vanished, problem: problem)))
    }

    /// Rounds in which what is left of a task is killed.
    private static let sweepLimit = 100

    /// Starts a supervisor, at most one in ``restartInterval``.
    private func supervise(_ token: StartToken) async {
        guard let watch = watches[token], watch.startAllowedAt <= .current else { return }
        watches[token]?.startAllowedAt = .current + Self.restartInterval
        watches[token]?.fruitlessStarts += 1
        if watch.fruitlessStarts >= Self.fruitlessLimit, !watch.reportedReady {
            unwatch(token)
            post(
                .launchFailed(
                    token,
                    message: "its supervisor does not stay alive: "
                        + "\(watch.directory)/supervisor.err says why"))
            return
        }
        let executable = options.agentExecutable
        let directory = watch.directory
        do {
            let pid = try await disk.run {
                try TaskDirectory(directory).spawnSupervisor(executable: executable)
            }
            if watches[token] != nil {
                watches[token]?.supervisors.append(pid)
            } else {
                orphanedSupervisors.append(pid)
            }
        } catch {
            logger.error(
                "a supervisor could not be started",
                metadata: ["task": "\(token.task)", "error": "\(error)"])
        }
    }

    /// After SIGCHLD: collects supervisors that ended, and looks at their tasks.
    func reapSupervisors() {
        orphanedSupervisors.removeAll { TaskDirectory.reap($0) }
        for token in watches.keys.sorted(by: { $0.task < $1.task }) {
            let before = watches[token]?.supervisors ?? []
            let alive = before.filter { !TaskDirectory.reap($0) }
            watches[token]?.supervisors = alive
            if alive.count < before.count { look(at: token) }
        }
    }
}
