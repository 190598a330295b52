internal import CLinux
internal import Glibc
internal import JobModel

/// A tool of this machine that is asked something: an interpreter, `uv`, `pip`. Blocks.
struct ToolProcess {
    /// The first is a path, or looked up in `PATH`.
    var arguments: [String]
    /// From start to end.
    var limitSeconds = 60

    struct Answer {
        /// What `exit` was called with; `nil` after a signal, or where the time was over.
        var code: Int32?
        var output: [UInt8]
        var errors: String
    }

    /// The most that an answer may have, in bytes.
    private static let largest = 64 << 20

    /// - Throws: ``ShuntError`` where the tool cannot be started.
    func run() throws -> Answer {
        let output = try Self.temporaryFile()
        defer { close(output) }
        let errors = try Self.temporaryFile()
        defer { close(errors) }
        let pid = try spawn(output: output, errors: errors)
        let status = wait(for: pid)
        return Answer(
            code: status.flatMap { $0 & 0x7f == 0 ? $0 >> 8 & 0xff : nil },
            output: Self.content(of: output),
            errors: String(decoding: Self.content(of: errors), as: UTF8.self))
    }

    /// Without a name: it is gone when this process is.
    private static func temporaryFile() throws -> Int32 {
        var pattern = Array("/tmp/shunt-tool.XXXXXX".utf8CString)
        let descriptor = mkstemp(&pattern)
        guard descriptor >= 0 else {
            throw ShuntError(
                .failed, "cannot make a file in `/tmp`: \(String(cString: strerror(errno)))",
                hint: "df -h /tmp")
        }
        unlink(pattern)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private static func content(of descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < largest {
            let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    private func wait(for pid: pid_t) -> Int32? {
        var entry = pollfd(fd: shunt_pidfd_open(pid), events: Int16(POLLIN), revents: 0)
        defer { if entry.fd >= 0 { close(entry.fd) } }
        // Without a descriptor (before Linux 5.3) nothing ends a tool that hangs.
        if entry.fd >= 0, poll(&entry, 1, Int32(limitSeconds) * 1000) == 0 { kill(-pid, SIGKILL) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { return nil }
        }
        return status
    }

    private func spawn(output: Int32, errors: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that all of it can be ended.
        posix_spawnattr_setpgroup(&attributes, 0)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        vector.append(nil)
        defer { for pointer in vector { free(pointer) } }
        var pid = pid_t()
        let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, vector, Glibc.environ)
        guard code == 0 else {
            throw ShuntError(
                .failed, "`\(arguments[0])` cannot be run: \(String(cString: strerror(code)))",
                hint: "ls -lL \(Quoting.forShell(arguments[0]))")
        }
        return pid
    }
}
