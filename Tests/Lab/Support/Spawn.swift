internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// What a child reads on standard input.
package enum StandardInput: Sendable {
    /// Nothing: its end.
    case null
    /// A pipe that holds these bytes, at most a pipe's capacity of 64 KiB, and then ends.
    case pipe([UInt8])
    /// A pipe that stays open until ``Command/finishInput()``, for ``Command/send(_:)``.
    case open
}

/// `posix_spawn` as tests need it: raw bytes as arguments, a directory, no inherited descriptor,
/// default signals, and a session of its own so that no terminal and no test is disturbed.
enum Spawn {
    /// From the making of a pipe to the end of the spawn: what glibc offers without `_GNU_SOURCE`
    /// cannot make a pipe that is closed on exec at once, and a child of another thread that held
    /// one's end would keep a reader waiting for ever.
    private static let pipes = Mutex(())

    /// A started child and the ends of its pipes, which the caller closes.
    struct Child {
        var pid: Int32
        var output: Int32
        var errors: Int32
        /// To which its input is written, of an open one.
        var input: Int32?
    }

    /// - Parameters:
    ///   - words: the program, looked up in the caller's `PATH`, and its arguments.
    ///   - directory: in which it starts.
    /// - Throws: ``LabError``. That a program does not exist shows as its exit code 127.
    static func start(
        _ words: [[UInt8]], directory: String, environment: [String: String], input: StandardInput
    ) throws -> Child {
        // A shell that changes the directory and becomes the program: the pid stays.
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory]
        return try pipes.withLock { _ in
            try spawn(
                shell.map { Array($0.utf8) } + words, environment: environment, input: input)
        }
    }

    /// Waits for a child of ours; blocks its thread.
    ///
    /// - Returns: the exit code, or 128 + n for a child that signal n ended.
    static func reap(_ pid: Int32) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    private static func spawn(
        _ words: [[UInt8]], environment: [String: String], input: StandardInput
    ) throws -> Child {
        let output = try Pipe()
        let errors = try Pipe()
        let source = try InputEnds(input)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, source.read.raw, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write.raw, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.write.raw, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        resetSignals(&attributes)

        var pid: Int32 = 0
        let variables = environment.sorted { $0.key < $1.key }.map { Array("\($0)=\($1)".utf8) }
        let code = withCStrings(words) { arguments in
            withCStrings(variables) { variables in
                posix_spawnp(&pid, arguments[0]!, &actions, &attributes, arguments, variables)
            }
        }
        guard code == 0 else {
            throw LabError("cannot start \(String(decoding: words[0], as: UTF8.self))", code: code)
        }
        return Child(
            pid: pid, output: output.keepReadEnd(), errors: errors.keepReadEnd(),
            input: source.keepWriteEnd())
    }

    /// The threads of a test block signals, and children inherit that.
    private static func resetSignals(_ attributes: inout posix_spawnattr_t) {
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigmask(&attributes, &mask)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | shunt_spawn_setsid()
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    /// What the child reads from, and for an open input the end to which its owner writes.
    private struct InputEnds: ~Copyable {
        let read: OwnedDescriptor
        private let write: Int32?

        init(_ input: StandardInput) throws {
            switch input {
            case .null:
                read = OwnedDescriptor(
                    adopting: try LabError.check("open /dev/null") {
                        shunt_open("/dev/null", O_RDONLY | O_CLOEXEC, 0)
                    })
                write = nil
            case .pipe(let bytes):
                precondition(bytes.count <= 65_536, "a longer input would need a writer")
                let pipe = try Pipe()
                guard Glibc.write(pipe.write.raw, bytes, bytes.count) == bytes.count else {
                    throw LabError("write to a pipe", code: errno)
                }
                read = OwnedDescriptor(adopting: pipe.keepReadEnd())
                write = nil
            case .open:
                let ends = try Pipe().keepBoth()
                read = OwnedDescriptor(adopting: ends.read)
                write = ends.write
            }
        }

        /// Closes the other end.
        consuming func keepWriteEnd() -> Int32? { write }
    }

    /// Both ends of a pipe, closed on exec.
    private struct Pipe: ~Copyable {
        let read: OwnedDescriptor
        let write: OwnedDescriptor

        init() throws {
            var ends: [Int32] = [-1, -1]
            try LabError.check("pipe") { pipe(&ends) }
            read = OwnedDescriptor(adopting: ends[0])
            write = OwnedDescriptor(adopting: ends[1])
            // Cannot fail on descriptors that are open.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        /// Closes the other end.
        consuming func keepReadEnd() -> Int32 { read.release() }

        consuming func keepBoth() -> (read: Int32, write: Int32) {
            (read.release(), write.release())
        }
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
