internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel

/// The daemon of an agent's directory, as another process of its account sees it.
struct RunningAgent: Sendable {
    let directory: AgentDirectory

    /// Beyond this an agent that was told to end hangs.
    private static let endLimit = Milliseconds.seconds(10)
    private static let startLimit = Milliseconds.seconds(10)
    /// For trees that are killed.
    private static let killLimit = Milliseconds.seconds(20)
    private static let leaveLimit = Milliseconds.seconds(3)
    /// For an engine that removes a container.
    private static let removalLimit = Milliseconds.seconds(60)
    private static let lookInterval: UInt32 = 3_000

    /// A connection to the daemon, which is started if it is down.
    func connect() throws -> OwnedDescriptor {
        if let stream = try open() { return stream }
        let deadline = SteadyTime.current + Self.startLimit
        while SteadyTime.current < deadline {
            // Again and again: one that is about to end still has the lock of the directory.
            let agent = try start()
            let pause = SteadyTime.current + Milliseconds.seconds(3)
            while SteadyTime.current < pause {
                // The pause between two looks.
                usleep(Self.lookInterval)
                if let stream = try open() { return stream }
                if let code = agent.exitCode, code != AgentMain.takenCode {
                    throw ShuntError(
                        .failed, "the agent does not start (code \(code))",
                        hint: "tail \(directory.log)")
                }
            }
        }
        throw ShuntError(
            .failed, "the agent did not start within 10 s", hint: "tail \(directory.log)")
    }

    /// - Returns: `nil` if nobody listens.
    private func open() throws(StreamError) -> OwnedDescriptor? {
        do throws(StreamError) {
            return OwnedDescriptor(
                adopting: try UnixSocket.connect(path: directory.socket).release())
        } catch {
            if [ENOENT, ECONNREFUSED, EAGAIN].contains(error.errno) { return nil }
            throw error
        }
    }

    private func start() throws -> DetachedProcess {
        try directory.secureRuntimeDirectory()
        // What installers keep between builds stays in the directory too, unless the account says
        // where it wants it.
        setenv("PIP_CACHE_DIR", directory.path + "/cache/pip", 0)
        setenv("UV_CACHE_DIR", directory.path + "/cache/uv", 0)
        // Versions of Python that `uv` fetches, unless the account has some already.
        let data =
            getenv("XDG_DATA_HOME").map { String(cString: $0) }
            ?? (getenv("HOME").map { String(cString: $0) } ?? "") + "/.local/share"
        if access(data + "/uv/python", F_OK) != 0 {
            setenv("UV_PYTHON_INSTALL_DIR", directory.path + "/python", 0)
        }
        let agent = DetachedProcess()
        let status = agent.spawn(
            directory.attach,
            [
                "shunt-agent", "daemon", "--home", directory.path, "--store", directory.store,
                "--socket", directory.socket, "--linger", "forever",
            ],
            log: directory.log)
        guard status == 0 else {
            throw ShuntError(
                .failed,
                "`\(directory.attach)` cannot be started: \(String(cString: strerror(status)))",
                hint: "ls -l \(directory.path)")
        }
        return agent
    }

    /// The daemon's process; `nil` where none holds the directory.
    func process() -> Int32? {
        let path = directory.path + "/lock"
        let lock = shunt_open(path, O_RDWR | O_CLOEXEC, 0)
        guard lock >= 0 else { return nil }
        defer { _ = close(lock) }
        // Nobody has it: let go again at once.
        guard flock(lock, LOCK_SH | LOCK_NB) != 0, let text = SmallFile.text(path) else {
            return nil
        }
        return Int32(text.trimmedLine).flatMap { $0 > 1 ? $0 : nil }
    }

    /// Waits for what the daemon sends first on each connection.
    ///
    /// - Throws: ``ShuntError`` where nothing comes.
    func requireAnswer(on connection: consuming OwnedDescriptor) throws(ShuntError) {
        var entry = pollfd(fd: connection.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Self.firstBytes) == 0 else { return }
        let pid = process()
        throw ShuntError(
            .failed,
            "the agent\(pid.map { " (process \($0))" } ?? "") takes connections and says nothing; "
                + "it may be stopped",
            hint: pid.map { "kill -CONT \($0)" } ?? "ps -C shunt-agent")
    }

    /// Milliseconds.
    private static let firstBytes: Int32 = 5000

    /// Ends the daemon and returns once it is gone. Tasks that run do not depend on it.
    func end() throws(ShuntError) {
        guard let pid = process() else { return }
        kill(pid, SIGTERM)
        let deadline = SteadyTime.current + Self.endLimit
        while process() == pid {
            guard SteadyTime.current < deadline else {
                throw ShuntError(
                    .failed, "the agent (process \(pid)) does not end", hint: "kill -9 \(pid)")
            }
            // The pause between two looks.
            usleep(Self.lookInterval)
        }
    }

    /// Whether the daemon that runs is another executable than the one that `attach` leads to.
    func isOutdated() -> Bool {
        guard let pid = process() else { return false }
        return Self.target("/proc/\(pid)/exe") != Self.target(directory.attach)
    }

    /// Tasks in the directory of which something runs.
    func liveTasks() -> [String] { observed().map(\.name) }

    private func observed() -> [(name: String, isOver: Bool)] {
        let tasks = AgentHome(root: directory.path).tasks
        // Without the directory there are no tasks; one that cannot be read is no agent's.
        let names = (try? OwnedDescriptor.open(tasks, O_RDONLY | O_DIRECTORY).names()) ?? []
        return names.compactMap { name in
            // A directory that cannot be looked at is no reason to call its task dead.
            guard let seen = try? TaskDirectory(tasks + "/" + name).observe() else {
                return (name, false)
            }
            guard seen.initAlive || seen.supervisorAlive else { return nil }
            guard case .ended = seen.phase else { return (name, false) }
            return (name, true)
        }
    }

    /// ``liveTasks()`` of which some do not end by themselves at once: a supervisor goes a moment
    /// after its job, or when the engine has removed its container.
    func tasksThatStay() -> [String] {
        let begin = SteadyTime.current
        while true {
            let live = observed()
            let limit = live.contains { !$0.isOver } ? Self.leaveLimit : Self.removalLimit
            if live.isEmpty || SteadyTime.current - begin >= limit { return live.map(\.name) }
            // The pause between two looks.
            usleep(Self.lookInterval)
        }
    }

    /// Kills every task in the directory, with all that it has started, and returns once they are
    /// gone.
    ///
    /// - Parameter executable: what supervises one that has lost its supervisor.
    func endTasks(supervisor executable: String) throws(ShuntError) {
        let retention = TaskRetention(tasks: AgentHome(root: directory.path).tasks)
        let deadline = SteadyTime.current + Self.killLimit
        // Each has a supervisor of its own, or gets one; one too many waits for the other's lock.
        var started = retention.endUnknown(liveTasks(), supervisor: executable)
        while true {
            started.removeAll { waitpid($0, nil, WNOHANG) == $0 }
            let left = liveTasks()
            if left.isEmpty, started.isEmpty { return }
            guard SteadyTime.current < deadline else {
                throw ShuntError(
                    .failed,
                    "\(left.count) tasks do not end: \(left.prefix(3).joined(separator: " "))",
                    hint: "ps -u \(directory.userID) f")
            }
            // The pause between two looks.
            usleep(Self.lookInterval)
        }
    }

    private static func target(_ link: String) -> String? {
        guard let resolved = realpath(link, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
