internal import CLinux
internal import Glibc
internal import Synchronization

/// Starts a process that outlives this one and shares nothing with it.
package final class DetachedProcess: Sendable {
    private let ending = Mutex<Int32?>(nil)

    package init() {}

    /// How the process ended, if it has: its code, or 128 and the number of a signal.
    package var exitCode: Int32? { ending.withLock { $0 } }

    /// - Parameter log: gets standard output and error, appended.
    /// - Returns: 0 or an errno.
    package func spawn(_ path: String, _ arguments: [String], log: String) -> Int32 {
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
