internal import CLinux
internal import Glibc
internal import JobModel

/// A coordinator that was just started, and the read end of the pipe on which it says how that
/// went. Owns the descriptor until ``release()``.
final class SpawnedCoordinator {
    private let pid: pid_t
    private var reportEnd: Int32
    private var received: [UInt8] = []
    private var report: StartupReport?
    /// The pipe is at its end and no report came.
    private(set) var hasEnded = false

    init(executable: String, home: HomeDirectory) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Self.failure("create a pipe", errno) }
        defer { _ = close(ends[1]) }
        reportEnd = ends[0]
        do {
            pid = try Self.spawn(executable: executable, home: home, reportDescriptor: ends[1])
        } catch {
            _ = close(reportEnd)
            throw error
        }
    }

    /// Waits for a report.
    ///
    /// - Returns: the report once there is one.
    func poll(milliseconds: Int32) -> StartupReport? {
        guard report == nil, !hasEnded else {
            // Nothing more comes: only the pause between two looks at the socket remains.
            _ = Glibc.poll(nil, 0, milliseconds)
            return report
        }
        var entry = pollfd(fd: reportEnd, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&entry, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(reportEnd, &buffer, buffer.count)
        if count > 0 {
            received += buffer[..<count]
        } else if count == 0 {
            report = StartupReport.decode(received)
            hasEnded = report == nil
        }
        return report
    }

    /// Closes the pipe and collects the process if it has ended; one that runs on is inherited by
    /// init when this process ends.
    func release() {
        _ = close(reportEnd)
        reportEnd = -1
        var status: Int32 = 0
        _ = waitpid(pid, &status, WNOHANG)
    }

    private static func failure(_ what: String, _ code: Int32) -> ShuntError {
        ShuntError(
            .failed,
            "cannot \(what) to start the coordinator: \(String(cString: strerror(code)))",
            hint: "shunt coordinator serve")
    }
}

extension SpawnedCoordinator {
    /// The descriptor that carries the report in the new process.
    private static let reportNumber: Int32 = 3

    /// Above this many bytes a log is set aside before the next coordinator writes to it.
    private static let largestLog = 4 << 20

    /// Keeps one older log: nothing reads them but people, who look at the latest.
    private static func rotate(_ log: String) {
        var status = stat()
        guard lstat(log, &status) == 0, status.st_size > largestLog else { return }
        rename(log, log + ".1")
    }

    private static func spawn(
        executable: String, home: HomeDirectory, reportDescriptor: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let log = home.layout.coordinatorLog
        Self.rotate(log)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_adddup2(&actions, reportDescriptor, reportNumber)
        // What the shell left open (a lock, a pipe that somebody waits on) must not live on.
        posix_spawn_file_actions_addclosefrom_np(&actions, reportNumber + 1)
        posix_spawn_file_actions_addchdir_np(&actions, "/")

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSID) | Int16(POSIX_SPAWN_SETSIGMASK)
                | Int16(POSIX_SPAWN_SETSIGDEF))

        let arguments = [
            "shunt", "coordinator", "serve", "--startup-report", "\(reportNumber)",
        ].map { Array($0.utf8) }
        let variables = LaunchEnvironment.select(
            from: LaunchEnvironment.current(), root: home.layout.root)
        var pid: pid_t = 0
        let result = CStringArray.withPointers(arguments) { argv in
            CStringArray.withPointers(variables) { envp in
                posix_spawn(&pid, executable, &actions, &attributes, argv, envp)
            }
        }
        guard result == 0 else { throw failure("run `\(executable)`", result) }
        return pid
    }
}

/// An array of C strings that ends with a null pointer, as `execve` takes them.
private enum CStringArray {
    static func withPointers<Result>(
        _ strings: [[UInt8]],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = strings.map { bytes in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
            for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
            copy[bytes.count] = 0
            return copy
        }
        defer { for copy in copies { copy?.deallocate() } }
        return try (copies + [nil]).withUnsafeBufferPointer { try body($0.baseAddress!) }
    }
}
