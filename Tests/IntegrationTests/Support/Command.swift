import Foundation
import Synchronization

/// What a child process left behind when it ended.
struct Outcome: Sendable {
    /// The exit code, or 128 + n for a child that signal n ended, as a shell counts.
    var code: Int32
    var output: Data
    var errors: Data

    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
    /// The lines of standard error, for looking up one.
    var errorLines: [String] { errorText.split(separator: "\n").map(String.init) }
}

/// What a child reads on standard input.
enum StandardInput: Sendable {
    case null
    /// A pipe that holds these bytes, at most a pipe's capacity, and then ends.
    case pipe([UInt8])
}

/// A child process in a session of its own, with both outputs captured as they arrive.
///
/// Reading and reaping happen on threads of their own, so that a test never blocks a thread of
/// Swift's pool. The owner must let the child end (`outcome`), or end it (`signal`).
final class Command: Sendable {
    let pid: pid_t
    private let state = Mutex(State())

    private struct State {
        var output = Data()
        var errors = Data()
        var outcome: Outcome?
        var waiters: [CheckedContinuation<Outcome, Never>] = []
    }

    /// - Parameter words: the program's path and its arguments, as raw bytes.
    init(
        _ words: [[UInt8]], directory: String, environment: [String: String],
        input: StandardInput = .null
    ) throws {
        let child = try Spawn.start(
            words, directory: directory, environment: environment, input: input)
        pid = child.pid
        let readers = DispatchGroup()
        read(child.output, readers) { state, data in state.output.append(data) }
        read(child.errors, readers) { state, data in state.errors.append(data) }
        let thread = Thread { [self] in
            let code = Spawn.reap(pid)
            readers.wait()
            let waiters = state.withLock { state in
                let outcome = Outcome(code: code, output: state.output, errors: state.errors)
                state.outcome = outcome
                let waiters = state.waiters
                state.waiters = []
                return waiters.map { (waiter: $0, outcome: outcome) }
            }
            for entry in waiters { entry.waiter.resume(returning: entry.outcome) }
        }
        thread.start()
    }

    /// What arrived on standard output until now.
    var outputSoFar: String {
        state.withLock { String(decoding: $0.output, as: UTF8.self) }
    }

    /// What arrived on standard error until now.
    var errorsSoFar: String {
        state.withLock { String(decoding: $0.errors, as: UTF8.self) }
    }

    var hasEnded: Bool { state.withLock { $0.outcome != nil } }

    func signal(_ number: Int32) {
        // The pid is ours until the child is reaped; afterwards there is nobody to tell.
        if !hasEnded { kill(pid, number) }
    }

    /// Waits for the end. A child that is still there at the deadline is killed, and its test fails
    /// on what it printed and on code 137.
    func outcome(within limit: Duration = .seconds(60)) async -> Outcome {
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

    private func read(
        _ descriptor: Int32, _ group: DispatchGroup,
        _ take: @escaping @Sendable (inout State, Data) -> Void
    ) {
        group.enter()
        let thread = Thread { [self] in
            defer {
                close(descriptor)
                group.leave()
            }
            var buffer = [UInt8](repeating: 0, count: 1 << 18)
            while true {
                let count = Foundation.read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                let data = Data(buffer[..<count])
                state.withLock { take(&$0, data) }
            }
        }
        thread.start()
    }
}
