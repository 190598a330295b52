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

    /// Each stream is a connection of its own.
    func close() async {}

    func explain(_ error: any Error, of stream: any ByteStream) async -> any Error { error }

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
