internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// A helper process that is waited for: a package installer, an interpreter that is asked for its
/// version. It runs in a session of its own, and all of that session ends with it.
struct HelperProcess {
    /// Absolute, or looked up in the child's `PATH`.
    var arguments: [String]
    var environment: [String]
    var workingDirectory: String
    /// Gets standard output and error, from its beginning.
    var outputPath: String

    enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        case timedOut
        case aborted
        /// Whoever watched it has given it up.
        case stuck
        /// What it writes has become more than it may.
        case tooLarge
    }

    /// How long a wait goes on before it looks whether somebody wants it ended.
    private static let lookInterval: Int32 = 100

    /// How long it goes on before it is looked at what the process has written.
    private static let sizeInterval: Int64 = 3000

    /// Blocks until the process ends, is aborted, has taken too long or too much.
    ///
    /// - Parameters:
    ///   - isStuck: is asked every now and then whether to give it up.
    ///   - isTooLarge: looks at what it has written, seldom.
    /// - Throws: ``ShuntError`` if it cannot be started.
    func run(
        within limit: Milliseconds, abort: AbortFlag, isStuck: () -> Bool = { false },
        isTooLarge: () -> Bool = { false }
    ) throws -> Ending {
        let pid = try spawn()
        let deadline = SystemClock.steadyMilliseconds() + limit.count
        var nextSize = SystemClock.steadyMilliseconds() + Self.sizeInterval
        var ending: Ending?
        while true {
            var status: Int32 = 0
            let reaped = waitpid(pid, &status, WNOHANG)
            if reaped == pid {
                // What it left behind in its session ends too.
                kill(-pid, SIGKILL)
                return ending ?? Self.ending(of: status)
            }
            if ending == nil {
                let now = SystemClock.steadyMilliseconds()
                if abort.isSet { ending = .aborted }
                if now > deadline { ending = .timedOut }
                if ending == nil, isStuck() { ending = .stuck }
                if now > nextSize {
                    if isTooLarge() { ending = .tooLarge }
                    nextSize = SystemClock.steadyMilliseconds() + Self.sizeInterval
                }
                if ending != nil { kill(-pid, SIGKILL) }
            }
            Self.waitForEnd(of: pid)
        }
    }

    private static func ending(of status: Int32) -> Ending {
        let signal = status & 0x7f
        return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }

    /// Sleeps until the process ends, for one interval at most.
    private static func waitForEnd(of pid: pid_t) {
        let descriptor = shunt_pidfd_open(pid)
        guard descriptor >= 0 else {
            // Before Linux 5.3.
            poll(nil, 0, 10)
            return
        }
        defer { _ = close(descriptor) }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, lookInterval)
    }

    private func spawn() throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        posix_spawn_file_actions_addchdir_np(&actions, workingDirectory)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        var defaults = sigset_t()
        sigfillset(&defaults)
        sigdelset(&defaults, SIGKILL)
        sigdelset(&defaults, SIGSTOP)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
        vector.append(nil)
        variables.append(nil)
        defer { for pointer in vector + variables { free(pointer) } }
        var pid = pid_t()
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, vector, variables)
        guard code == 0 else {
            throw ShuntError(
                code == ENOENT ? .notFound : .failed,
                "`\(arguments[0])` cannot be run: \(String(cString: strerror(code)))")
        }
        return pid
    }
}

/// Set once, from any thread, by whoever no longer wants a result.
final class AbortFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}
