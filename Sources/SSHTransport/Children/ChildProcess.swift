internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// A program that this process started and ends: `ssh`, or the command of a ProxyCommand. It has
/// three descriptors and nothing else of ours, and default signals.
///
/// A thread of its own waits for it, so that no zombie stays and no pid is signalled after it was
/// given to somebody else.
final class ChildProcess: Sendable {
    let ended = Promise<Ending>()
    let pid: pid_t
    /// A session of its own: its whole group is ended, and it finds no terminal to ask at.
    private let leadsGroup: Bool
    private let isReaped = Mutex(false)
    /// Readable from the end on.
    private let endSign: WakeDescriptor

    enum Ending: Hashable, Sendable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .code(let code): "\(code)"
            case .signal(let signal): "signal \(signal)"
            }
        }
    }

    struct Launch {
        /// The program, looked for in PATH, and its arguments.
        var words: [String]
        var input: Int32
        var output: Int32
        var errors: Int32
        /// It may ask at the terminal, and gets the terminal's signals.
        var keepsTerminal = false
        /// In place of SSH_AUTH_SOCK; `nil` takes it away.
        var authSocket: String?
    }

    /// - Throws: ``SSHError`` if the program is not there or cannot be started.
    init(_ launch: Launch) throws(SSHError) {
        leadsGroup = !launch.keepsTerminal
        do {
            endSign = try WakeDescriptor()
        } catch {
            throw .ofSystem(error)
        }
        pid = try Self.spawn(launch)
        do {
            try NativeThread.start(name: "ssh-reaper") { self.reap() }
        } catch {
            kill(pid, SIGKILL)
            reap()
            throw .ofSystem(error)
        }
    }

    deinit { end() }

    /// Asks it to end; ``kill(_:)`` follows where it does not.
    func end() {
        signal(SIGTERM)
    }

    func signal(_ number: Int32) {
        isReaped.withLock { isReaped in
            guard !isReaped else { return }
            // It may have ended already: then nobody is there to hear.
            _ = Glibc.kill(leadsGroup ? -pid : pid, number)
        }
    }

    /// Ends it for certain: by force where it has not gone `grace` after it was asked.
    nonisolated(nonsending) func end(within grace: Duration) async {
        end()
        let force = Task { [self] in
            // Cancelled, once it has ended.
            guard (try? await Task.sleep(for: grace)) != nil else { return }
            signal(SIGKILL)
        }
        _ = await ended.value()
        force.cancel()
    }

    /// As ``ended``, for threads.
    ///
    /// - Returns: `nil` if it has not ended by then, or the waiting was called off.
    func wait(_ patience: Patience) -> Ending? {
        guard case .ready = patience.wait(for: endSign.raw, POLLIN) else { return ended.current }
        return ended.current
    }

    private func reap() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        let ending = isReaped.withLock { isReaped in
            isReaped = true
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            return signal == 0 ? Ending.code((status >> 8) & 0xff) : .signal(signal)
        }
        ended.fulfil(ending)
        endSign.wakePump()
    }

    // MARK: Starting

    private static func spawn(_ launch: Launch) throws(SSHError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, launch.input, 0)
        posix_spawn_file_actions_adddup2(&actions, launch.output, 1)
        posix_spawn_file_actions_adddup2(&actions, launch.errors, 2)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        prepareSignals(&attributes, newSession: !launch.keepsTerminal)

        var arguments: [UnsafeMutablePointer<CChar>?] = launch.words.map { strdup($0) }
        arguments.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = environment(launch.authSocket)
            .map { strdup($0) }
        variables.append(nil)
        defer { for pointer in arguments + variables { free(pointer) } }
        var pid = pid_t()
        let status = posix_spawnp(
            &pid, launch.words[0], &actions, &attributes, arguments, variables)
        guard status == 0 else { throw failure(launch.words[0], status) }
        return pid
    }

    private static func prepareSignals(
        _ attributes: inout posix_spawnattr_t, newSession: Bool
    ) {
        var none = sigset_t()
        sigemptyset(&none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGPIPE, SIGINT, SIGHUP, SIGTERM, SIGQUIT] { sigaddset(&defaults, signal) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(
            &attributes, Int16(flags) | (newSession ? Int16(shunt_spawn_setsid()) : 0))
    }

    private static func environment(_ authSocket: String?) -> [String] {
        var result: [String] = []
        var next = Glibc.environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if !text.hasPrefix("SSH_AUTH_SOCK=") { result.append(text) }
            next += 1
        }
        return result + (authSocket.map { ["SSH_AUTH_SOCK=\($0)"] } ?? [])
    }

    private static func failure(_ program: String, _ status: Int32) -> SSHError {
        if status == ENOENT {
            return SSHError(
                .missingProgram, "`\(program)` is not installed here",
                hint: "sudo apt-get install openssh-client")
        }
        return .ofSystem("start `\(program)`", status)
    }
}
