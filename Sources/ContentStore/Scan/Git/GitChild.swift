internal import Glibc
internal import JobModel

/// A running git whose output is read through a pipe. When the value goes away, the process is
/// killed if it still runs, and reaped.
struct GitChild: ~Copyable {
    private let process: pid_t
    private let output: Descriptor

    /// Variables that would make git look at another repository than the directory's, as they are
    /// set while a hook runs.
    private static let hiddenVariables = [
        "GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX=", "GIT_COMMON_DIR=",
        "GIT_OBJECT_DIRECTORY=", "GIT_NAMESPACE=", "LC_ALL=",
    ]

    /// Starts `git -C root …`.
    ///
    /// - Returns: `nil` where that cannot be done.
    init?(root: RawPath, arguments: [String]) {
        guard let pipe = PipeEnds() else { return nil }
        let fixed = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", "-C"]
        let words = fixed.map { Array($0.utf8) } + [root.bytes] + arguments.map { Array($0.utf8) }
        guard let process = Self.spawn(words, output: pipe.writing.number) else { return nil }
        self.process = process
        output = pipe.takeReading()
    }

    deinit {
        // A group of its own; once it is reaped below, its number may be somebody else's.
        kill(-process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    private static func spawn(_ words: [[UInt8]], output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that an interrupt at the terminal is ours to handle.
        posix_spawnattr_setpgroup(&attributes, 0)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var process = pid_t()
        let code = withCStrings(words) { arguments in
            withCStrings(environment()) { variables in
                posix_spawnp(&process, "git", &actions, &attributes, arguments, variables)
            }
        }
        return code == 0 ? process : nil
    }

    private static func environment() -> [[UInt8]] {
        var result = [Array("LC_ALL=C".utf8)]
        var variable = environ
        while let text = variable.pointee {
            let bytes = UnsafeBufferPointer(start: text, count: strlen(text))
                .map { UInt8(bitPattern: $0) }
            if !hiddenVariables.contains(where: { bytes.starts(with: $0.utf8) }) {
                result.append(bytes)
            }
            variable += 1
        }
        return result
    }

    /// Calls `body` with a NULL-terminated array of C strings.
    private static func withCStrings<Result>(
        _ words: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies: [UnsafeMutablePointer<CChar>?] = words.map { word in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: word.count + 1)
            for index in word.indices { copy[index] = CChar(bitPattern: word[index]) }
            copy[word.count] = 0
            return copy
        }
        defer { for copy in copies { copy?.deallocate() } }
        return body(copies + [nil])
    }

    enum Outcome {
        /// The output ended; the exit status as `waitpid` gives it.
        case ended(Int32)
        /// The reader had enough.
        case stopped
        case timedOut
    }

    /// Reads lines until the output ends, `take` returns `false`, or the time is over.
    ///
    /// - Parameters:
    ///   - deadline: in milliseconds of ``now()``.
    ///   - end: what ends a line; a NUL where git was asked for that.
    borrowing func readLines(
        until deadline: Int64, endedBy end: UInt8 = UInt8(ascii: "\n"), _ take: ([UInt8]) -> Bool
    ) -> Outcome {
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var waiting = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
            // What is there already is read even after the deadline: a long scan asks late.
            let left = max(0, deadline - Self.now())
            let ready = poll(&waiting, 1, Int32(left))
            if ready == 0, left == 0 { return .timedOut }
            guard ready > 0 else { continue }
            let count = read(output.number, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return .ended(exitStatus()) }
            for byte in buffer[..<count] {
                guard byte == end else {
                    line.append(byte)
                    continue
                }
                guard take(line) else { return .stopped }
                line.removeAll(keepingCapacity: true)
            }
        }
    }

    /// Looks at the status without reaping, which is the deinit's part. The output has ended, so
    /// the process is about to.
    private borrowing func exitStatus() -> Int32 {
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0 {
            if errno != EINTR { return -1 }
        }
        return information.si_code == CLD_EXITED ? information._sifields._sigchld.si_status : -1
    }

    /// Milliseconds on a clock that is never set.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
