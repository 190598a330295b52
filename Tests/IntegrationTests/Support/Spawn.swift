import Foundation
import Synchronization

/// `posix_spawn` as tests need it: raw bytes as arguments, a directory, no inherited descriptor,
/// default signals, and a session of its own so that no terminal and no test is disturbed.
enum Spawn {
    /// From the making of a pipe to the end of the spawn: what glibc offers without `_GNU_SOURCE`
    /// cannot make a pipe that is closed on exec at once, and a child of another thread that held
    /// one's end would keep a reader waiting for ever.
    private static let pipes = Mutex(())
    /// POSIX_SPAWN_SETSID of spawn.h, behind `_GNU_SOURCE` too.
    private static let newSession: Int32 = 0x80

    struct Child {
        var pid: pid_t
        var output: Int32
        var errors: Int32
    }

    static func start(
        _ words: [[UInt8]], directory: String, environment: [String: String],
        input: StandardInput
    ) throws -> Child {
        try pipes.withLock { _ in
            // A shell that changes the directory and becomes the program: the pid stays.
            let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory]
            return try spawn(
                shell.map { Array($0.utf8) } + words, environment: environment, input: input)
        }
    }

    private static func spawn(
        _ words: [[UInt8]], environment: [String: String], input: StandardInput
    ) throws -> Child {
        let output = try pipePair()
        let errors = try pipePair()
        let source = try open(input)
        defer { for end in [output.write, errors.write, source] { close(end) } }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, source, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.write, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | newSession
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let variables = environment.sorted { $0.key < $1.key }.map { Array("\($0)=\($1)".utf8) }
        let code = withCStrings(words) { arguments in
            withCStrings(variables) { variables in
                posix_spawnp(&pid, arguments[0]!, &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0 else {
            close(output.read)
            close(errors.read)
            throw HarnessError("cannot start \(String(decoding: words[0], as: UTF8.self))", code)
        }
        return Child(pid: pid, output: output.read, errors: errors.read)
    }

    /// Waits for a child of ours; blocks its thread.
    static func reap(_ pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    private static func open(_ input: StandardInput) throws -> Int32 {
        switch input {
        case .null:
            let descriptor = Foundation.open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw HarnessError("open /dev/null", errno) }
            return descriptor
        case .pipe(let bytes):
            precondition(bytes.count <= 65_536, "a longer input would need a writer")
            let pair = try pipePair()
            guard write(pair.write, bytes, bytes.count) == bytes.count else {
                throw HarnessError("write to a pipe", errno)
            }
            close(pair.write)
            return pair.read
        }
    }

    private static func pipePair() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw HarnessError("pipe", errno) }
        for end in ends {
            guard fcntl(end, F_SETFD, FD_CLOEXEC) == 0 else { throw HarnessError("fcntl", errno) }
        }
        return (ends[0], ends[1])
    }

    /// Calls `body` with a C array of C strings that ends with a null pointer.
    private static func withCStrings<Result>(
        _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { string in
            (string + [0]).withUnsafeBytes {
                strdup($0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
        }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}

/// Something that a test needs and this machine did not do.
struct HarnessError: Error, CustomStringConvertible {
    var description: String

    init(_ message: String) { description = message }
    init(_ message: String, _ code: Int32) {
        description = "\(message): \(String(cString: strerror(code)))"
    }
}
