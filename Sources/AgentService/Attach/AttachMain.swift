internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel
internal import SecretStore

/// What happens at `exec DIR/attach`, the one command that a coordinator runs over SSH, and what
/// enrolment does with the agent's own help.
///
/// | arguments | what |
/// |---|---|
/// | none | joins standard input and output to the daemon, starting it if it is down |
/// | `--start` | starts it if it is down, and waits for its first bytes; for cron's `@reboot` |
/// | `--stop` | ends it for good, unless tasks run: `attach` is gone then |
/// | `--stop-all` | kills its tasks too, and prints a line `ended TASK` for each |
///
/// `install` and `digest` are called by the path of the executable: nothing leads to it yet.
enum AttachMain {
    /// - Parameter path: as the program was called: `DIR/attach`.
    static func run(_ path: String, _ arguments: [String]) -> Int32 {
        AgentMain.reporting {
            let directory = AgentDirectory(try home(of: path))
            try directory.requireOwnMachine()
            let agent = RunningAgent(directory: directory)
            switch arguments.first {
            case nil: try join(agent)
            case "--start": try agent.requireAnswer(on: try agent.connect())
            case "--stop": try stop(agent)
            case "--stop-all": try stopAll(agent)
            case let other?:
                throw ShuntError(
                    .usage, "attach does not know `\(other)`", hint: "shunt worker ls")
            }
        }
    }

    /// `install --home DIR`: takes a directory into use for the executable that runs, ends a
    /// daemon that is another one, starts this one, and prints its release and its ID.
    static func install(_ arguments: [String], executable: String) -> Int32 {
        AgentMain.reporting {
            guard arguments.count == 2, arguments[0] == "--home", arguments[1].hasPrefix("/") else {
                throw ShuntError(
                    .usage, "install takes --home DIR, absolute", hint: "shunt worker ls")
            }
            let directory = AgentDirectory(arguments[1])
            try directory.claim()
            try directory.point(to: executable)
            let agent = RunningAgent(directory: directory)
            if agent.isOutdated() { try agent.end() }
            _ = try agent.connect()
            print("shunt-agent \(Release.text)")
            print("agent \(try AgentHome(root: directory.path).identity())")
        }
    }

    /// `digest`: prints the SHA-256 of standard input, for machines without `sha256sum`.
    static func digest() -> Int32 {
        AgentMain.reporting {
            var hasher = ContentHasher()
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = read(0, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else {
                    throw ShuntError(.failed, "standard input cannot be read")
                }
                if count == 0 { break }
                buffer.withUnsafeBytes {
                    hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
            }
            print(hasher.finish().hex)
        }
    }

    private static func join(_ agent: RunningAgent) throws {
        let socket = try agent.connect()
        var join = StreamJoin(socket: socket.raw)
        join.run()
    }

    private static func stop(_ agent: RunningAgent) throws {
        let live = agent.tasksThatStay()
        guard live.isEmpty else {
            throw ShuntError(
                .refused,
                "tasks run there that may be those of another coordinator: "
                    + live.prefix(5).joined(separator: ", "))
        }
        // A coordinator that is still connected would start it again at once.
        let resolved = realpath(agent.directory.attach, nil)
        defer { free(resolved) }
        unlink(agent.directory.attach)
        do {
            try agent.end()
        } catch {
            if let resolved { try agent.directory.point(to: String(cString: resolved)) }
            throw error
        }
        // Of one that was killed: its socket leads nowhere.
        unlink(agent.directory.socket)
        rmdir(agent.directory.layout.runtimeDirectory)
        let shelf = ImageShelf(directory: AgentHome(root: agent.directory.path).images)
        // The engine keeps images elsewhere. One that it does not give up is somebody else's too.
        _ = try? shelf.collect(beyond: .zero, inUse: [])
        // Of tasks that ended while no agent lived. Where no place is in memory there are none.
        try? SecretVault(besides: agent.directory.socket, role: .agent).removeAll(but: [])
    }

    /// Tasks too, which are given up.
    private static func stopAll(_ agent: RunningAgent) throws {
        guard let resolved = realpath(agent.directory.attach, nil) else { return try stop(agent) }
        defer { free(resolved) }
        let executable = String(cString: resolved)
        // As in `stop`: without the daemon, which would be started again, and would report them.
        unlink(agent.directory.attach)
        do {
            try agent.end()
            for task in agent.tasksThatStay() { print("ended \(task)") }
            try agent.endTasks(supervisor: executable)
        } catch {
            try agent.directory.point(to: executable)
            throw error
        }
        try stop(agent)
    }

    private static func home(of path: String) throws(ShuntError) -> String {
        guard let slash = path.lastIndex(of: "/"),
            let resolved = realpath(String(path[..<slash]), nil)
        else {
            throw ShuntError(
                .usage, "attach is to be called by its whole path", hint: "shunt worker ls")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
