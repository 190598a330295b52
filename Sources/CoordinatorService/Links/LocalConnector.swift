internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// Reaches the agent of this machine and account through its Unix socket, and starts it when it is
/// down: detached, in `/`, with nothing of the coordinator's but its log file.
struct LocalConnector: WorkerConnector {
    /// Where the agent keeps its tasks; `SHUNT_AGENT_HOME` where that is set.
    let home: String
    /// The coordinator's own, unless the agent has a home elsewhere: nothing is then copied between
    /// the two.
    let store: String
    let socket: String
    /// The agent's executable, absolute.
    let executable: String

    init(layout: HomeLayout, executable: String) {
        if let other = getenv("SHUNT_AGENT_HOME").map({ String(cString: $0) }), !other.isEmpty {
            home = other
            store = other + "/store"
        } else {
            home = layout.agentDirectory
            store = layout.storeDirectory
        }
        socket = layout.agentSocket
        self.executable = executable
    }

    /// A fresh agent opens its journal before it listens; beyond this something is wrong.
    private static let startLimit = Milliseconds.seconds(10)
    private static let startInterval = Milliseconds.seconds(3)
    private static let retryInterval = Duration.milliseconds(3)

    func connect() async throws -> any ByteStream {
        if let stream = try open() { return stream }
        let deadline = SteadyTime.current + Self.startLimit
        while SteadyTime.current < deadline {
            // Again and again: one that is about to end still has the lock of the home, and keeps
            // the next one out.
            let log = LogTail(home + "/agent.log")
            let agent = try start()
            let pause = SteadyTime.current + Self.startInterval
            while SteadyTime.current < pause {
                try await Task.sleep(for: Self.retryInterval)
                if let stream = try open() { return stream }
                if let code = agent.exitCode, code != Self.takenCode { throw failure(log) }
            }
        }
        throw ShuntError(
            .unreachable, "the local agent did not start within 10 s",
            hint: "tail \(home)/agent.log")
    }

    /// What an agent ends with where another one has its home: EX_TEMPFAIL of sysexits.h.
    private static let takenCode: Int32 = 75

    /// Why the agent ended that was just started: the last that it said.
    private func failure(_ log: LogTail) -> ShuntError {
        let said = log.lastError() ?? "it ended at once"
        return ShuntError(
            .unreachable, "the local agent does not start: \(said)", hint: "tail '\(log.path)'")
    }

    /// - Returns: `nil` if nobody listens.
    private func open() throws -> (any ByteStream)? {
        do {
            return try connected()
        } catch let error as StreamError
            where [ENOENT, ECONNREFUSED, EAGAIN].contains(error.errno)
        {
            return nil
        }
    }

    private func connected() throws -> DescriptorStream {
        let descriptor = try UnixSocket.connect(path: socket)
        try UnixSocket.requireSameUser(descriptor)
        return try DescriptorStream(descriptor, name: "agent-local")
    }

    private func start() throws -> DetachedProcess {
        try makeDirectory(home)
        let log = home + "/agent.log"
        let agent = DetachedProcess()
        let status = agent.spawn(
            executable,
            [
                "shunt-agent", "daemon", "--home", home, "--store", store, "--socket", socket,
                "--linger", "0",
            ],
            log: log)
        guard status == 0 else {
            throw ShuntError(
                .unreachable,
                "`\(executable)` cannot be started: \(String(cString: strerror(status)))",
                hint: "make install")
        }
        return agent
    }

    private func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw ShuntError(
                .failed, "`\(path)` cannot be made: \(String(cString: strerror(errno)))",
                hint: "df -h; ls -ld \(path)")
        }
    }
}

/// What a process says in a log to which others have written before.
struct LogTail {
    let path: String
    /// Where its own words begin.
    private let start: off_t

    /// To be made before the process is started.
    init(_ path: String) {
        self.path = path
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            start = 0
            return
        }
        defer { _ = close(file) }
        start = max(0, lseek(file, 0, SEEK_END))
    }

    /// The last line that begins with `error: `, without that; of the first 16 KiB.
    func lastError() -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = pread(file, &bytes, bytes.count, start)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: "\n").last { $0.hasPrefix("error: ") }
            .map { String($0.dropFirst("error: ".count)) }
    }
}

/// Starts a process that outlives this one and shares nothing with it.
final class DetachedProcess: Sendable {
    private let ending = Mutex<Int32?>(nil)

    /// How the process ended, if it has: its code, or 128 and the number of a signal.
    var exitCode: Int32? { ending.withLock { $0 } }

    /// - Parameter log: gets standard output and error, appended.
    /// - Returns: 0 or an errno.
    func spawn(_ path: String, _ arguments: [String], log: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // The HTTP server's descriptors survive an exec: an agent that held the listening socket
        // would take the place of a coordinator that was killed, and never answer.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        posix_spawn_file_actions_addchdir_np(&actions, "/")
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        sigaddset(&defaults, SIGINT)
        sigaddset(&defaults, SIGHUP)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var pid = pid_t()
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        vector.append(nil)
        defer { for pointer in vector { free(pointer) } }
        let status = posix_spawn(&pid, path, &actions, &attributes, vector, Glibc.environ)
        if status == 0 { reap(pid) }
        return status
    }

    /// Waits for the child on a thread of its own, so that its end leaves no zombie behind.
    private func reap(_ pid: pid_t) {
        // Without a thread the child only stays a zombie until this process ends.
        try? NativeThread.start(name: "reaper") { [self] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7f
            ending.withLock { $0 = signal == 0 ? (status >> 8) & 0xff : 128 + signal }
        }
    }
}
