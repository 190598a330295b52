internal import ByteStream
internal import CoordinatorService
internal import JobModel
internal import SSHTransport
internal import Synchronization

/// One command on a worker, from its start to its end, with bounds on time and output.
struct RemoteCommand: Sendable {
    let shell: any RemoteShell
    /// How messages call the worker.
    let name: String
    /// How it is added, for hints.
    let adding: String
    /// How a person gets there by hand, for hints.
    let ssh: String

    /// How a command ended and what it said.
    struct Outcome: Sendable {
        var exit: RemoteExit?
        var output: [UInt8]
        var diagnostics: String

        var isSuccess: Bool { exit == .code(0) }
    }

    private static let outputLimit = 1 << 20
    /// One write of this size keeps the stream's buffer full and no more.
    private static let piece = 256 << 10

    /// Runs a script of the standard shell, whatever the account's login shell is.
    func script(_ text: String, within limit: Duration) async throws -> Outcome {
        // What start-up files have printed may have begun a line.
        let script = Self.emptyLines + Array(("echo\n" + text).utf8)
        return try await run("exec /bin/sh -s", input: script, within: limit)
    }

    /// Before what is meant for the worker: start-up files that read a line, or some, take these.
    static let emptyLines = [UInt8](repeating: UInt8(ascii: "\n"), count: 16)

    /// Runs a command with these bytes on its standard input.
    ///
    /// - Parameter patience: how long nothing may be taken of the input, and no end come after it;
    ///   `nil` for as long as the limit.
    /// - Throws: ``ShuntError`` with `unreachable` where it does not end in time.
    func run(
        _ command: String, input: [UInt8] = [], within limit: Duration,
        patience: Duration? = nil, onProgress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Outcome {
        let stream = try await opened(command)
        let progress = LastProgress()
        do {
            let outcome = try await withThrowingTaskGroup(of: Outcome?.self) { group in
                group.addTask {
                    try await converse(stream, input) { count in
                        progress.note()
                        onProgress(count)
                    }
                }
                group.addTask {
                    try await progress.wait(atMost: limit, patience: patience)
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            await stream.close()
            guard let outcome else {
                let bound = min(limit, patience ?? limit)
                throw ShuntError(
                    .unreachable,
                    patience == nil
                        ? "a command on `\(name)` did not end within \(bound.components.seconds) s"
                        : "`\(name)` has taken nothing for \(bound.components.seconds) s",
                    hint: adding)
            }
            return outcome
        } catch {
            await stream.close()
            throw translated(error)
        }
    }

    private func opened(_ command: String) async throws -> any RemoteStream {
        do {
            return try await shell.open(command)
        } catch {
            throw translated(error)
        }
    }

    private func converse(
        _ stream: any RemoteStream, _ input: [UInt8], _ onProgress: @Sendable (Int) -> Void
    ) async throws -> Outcome {
        async let output = readAll(stream)
        var start = 0
        // A command that ends early takes no more input: how it ended says why.
        do {
            while start < input.count {
                let end = min(start + Self.piece, input.count)
                try await stream.write(Array(input[start..<end]))
                start = end
                onProgress(start)
            }
        } catch is StreamError {}
        stream.finishWriting()
        let bytes = try await output
        let exit = await stream.exit()
        return Outcome(
            exit: exit, output: bytes,
            diagnostics: String(decoding: stream.diagnostics, as: UTF8.self))
    }

    private func readAll(_ stream: any RemoteStream) async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try await stream.read(atMost: 64 << 10)
            if bytes.isEmpty { return all }
            all += bytes
            guard all.count <= Self.outputLimit else {
                throw ShuntError(
                    .failed, "the worker's shell does not stop talking",
                    hint: "\(ssh) true")
            }
        }
    }

    private func translated(_ error: any Error) -> any Error {
        switch error {
        case let error as SSHError: ShuntError(error, addedBy: adding)
        case let error as StreamError:
            ShuntError(
                .unreachable, "\(error)",
                hint: adding)
        default: error
        }
    }
}

/// When something was last taken by the other side.
private final class LastProgress: Sendable {
    private let last = Mutex(ContinuousClock.now)

    func note() { last.withLock { $0 = .now } }

    /// Returns once nothing has happened for as long as `patience` allows, and at the limit.
    func wait(atMost limit: Duration, patience: Duration?) async throws {
        let end = ContinuousClock.now + limit
        while true {
            let due = patience.map { patience in last.withLock { $0 } + patience } ?? end
            if ContinuousClock.now >= min(due, end) { return }
            try await Task.sleep(until: min(due, end))
        }
    }
}
