internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// A child process in a session of its own, with both outputs captured as they arrive.
///
/// Reading and reaping happen on threads of their own, so that a test never blocks a thread of
/// Swift's pool. The owner must let the child end (``outcome(within:)``, ``wait(within:)``), or end
/// it (``signal(_:)``). A daemon that the child leaves behind and that holds an output open keeps
/// the outcome waiting.
package final class Command: Sendable {
    /// Of the child; ours until it is reaped.
    package let pid: Int32
    private let state = Mutex(State())
    /// Of an open input, until it is finished.
    private let input: Mutex<Int32?>

    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var openOutputs = 2
        var code: Int32?
        var waiters: [CheckedContinuation<Outcome, Never>] = []

        /// There is one once both outputs have ended and the child is reaped.
        var outcome: Outcome? {
            guard let code, openOutputs == 0 else { return nil }
            return Outcome(code: code, output: output, errors: errors)
        }
    }

    /// - Parameters:
    ///   - words: the program's path or name and its arguments, as raw bytes.
    ///   - environment: all there is: nothing is inherited.
    /// - Throws: ``LabError``. That a program does not exist shows as its exit code 127.
    package init(
        bytes words: [[UInt8]], directory: String = "/", environment: [String: String],
        input: StandardInput = .null
    ) throws {
        let child = try Spawn.start(
            words, directory: directory, environment: environment, input: input)
        pid = child.pid
        self.input = Mutex(child.input)
        try NativeThread.start(name: "lab-output") { [self] in
            read(child.output) { state, bytes in state.output += bytes }
        }
        try NativeThread.start(name: "lab-errors") { [self] in
            read(child.errors) { state, bytes in state.errors += bytes }
        }
        try NativeThread.start(name: "lab-reaper") { [self] in
            let code = Spawn.reap(pid)
            finish { $0.code = code }
        }
    }

    /// - Parameters:
    ///   - words: the program's path or name and its arguments.
    ///   - environment: all there is; ``plainEnvironment`` unless given.
    /// - Throws: as ``init(bytes:directory:environment:input:)``.
    package convenience init(
        _ words: [String], directory: String = "/",
        environment: [String: String] = Command.plainEnvironment, input: StandardInput = .null
    ) throws {
        try self.init(
            bytes: words.map { Array($0.utf8) }, directory: directory, environment: environment,
            input: input)
    }

    /// Where programs are, those for administrators too, and messages in English.
    package static let plainEnvironment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
    ]

    /// What arrived on standard output until now.
    package var outputSoFar: String {
        state.withLock { String(decoding: $0.output, as: UTF8.self) }
    }

    /// What arrived on standard error until now.
    package var errorsSoFar: String {
        state.withLock { String(decoding: $0.errors, as: UTF8.self) }
    }

    /// Whether the child is reaped.
    package var hasEnded: Bool { state.withLock { $0.code != nil } }

    /// Writes to an open input; waits while its pipe is full.
    ///
    /// - Throws: ``LabError`` where the child reads no more.
    package func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        try input.withLock { input in
            guard let input else { throw LabError("the input of \(pid) has ended") }
            let code = Self.withoutBrokenPipeSignal {
                write(input, bytes, bytes.count) == bytes.count ? 0 : errno
            }
            if code != 0 { throw LabError("write to \(pid)", code: code) }
        }
    }

    /// Ends an open input.
    package func finishInput() {
        input.withLock { input in
            if let input { close(input) }
            input = nil
        }
    }

    deinit { finishInput() }

    /// Sends the child a signal; one that has ended gets none.
    package func signal(_ number: Int32) {
        // The pid is ours until the child is reaped; afterwards there is nobody to tell.
        if !hasEnded { kill(pid, number) }
    }

    /// Waits for the end. A child that is still there at the deadline is killed, and its test fails
    /// on what it printed and on code 137.
    package func outcome(within limit: Duration = .seconds(60)) async -> Outcome {
        let guardian = Task {
            // Cancelled once the child ended: then there is nothing to kill.
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.signal(SIGKILL)
        }
        defer { guardian.cancel() }
        return await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Outcome? in
                if state.outcome == nil { state.waiters.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }

    /// As ``outcome(within:)``, but blocks its thread: for short helpers.
    ///
    /// - Throws: ``LabError`` if the child, killed at the deadline, does not go away.
    package func wait(within limit: Duration = .seconds(20)) throws -> Outcome {
        for grace in [limit, .seconds(5)] {
            var outcome: Outcome?
            _ = blockingUntil(within: grace) {
                outcome = state.withLock { $0.outcome }
                return outcome != nil
            }
            if let outcome { return outcome }
            signal(SIGKILL)
        }
        throw LabError("process \(pid) does not end")
    }

    /// Runs a short helper to its end; blocks its thread.
    ///
    /// - Returns: what it printed.
    /// - Throws: ``LabError`` with its words and its standard error when it fails.
    @discardableResult
    package static func run(
        _ words: [String], environment: [String: String] = Command.plainEnvironment,
        input: StandardInput = .null
    ) throws -> String {
        let outcome = try Command(words, environment: environment, input: input).wait()
        guard outcome.code == 0 else {
            let line = words.joined(separator: " ")
            throw LabError("\(line): exit code \(outcome.code): \(outcome.errorText)")
        }
        return outcome.text
    }

    /// Without it a child that has ended would end the test's process too.
    private static func withoutBrokenPipeSignal(_ body: () -> Int32) -> Int32 {
        var set = sigset_t()
        var previous = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &set, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        let code = body()
        var now = timespec()
        // Takes the signal back before it is let through.
        if code == EPIPE { _ = sigtimedwait(&set, nil, &now) }
        return code
    }

    private func read(
        _ descriptor: Int32, _ take: @Sendable (inout State, ArraySlice<UInt8>) -> Void
    ) {
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            state.withLock { take(&$0, buffer[..<count]) }
        }
        close(descriptor)
        finish { $0.openOutputs -= 1 }
    }

    /// Notes one of the three ends, and resumes who waits once all are there.
    private func finish(_ note: (inout State) -> Void) {
        let woken = state.withLock { state -> (Outcome, [CheckedContinuation<Outcome, Never>])? in
            note(&state)
            guard let outcome = state.outcome else { return nil }
            defer { state.waiters = [] }
            return (outcome, state.waiters)
        }
        guard let (outcome, waiters) = woken else { return }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }
}
