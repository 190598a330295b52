internal import Dispatch
internal import Glibc
internal import JobModel

/// Starts the coordinator of a home when none answers, and waits until one does.
///
/// The coordinator is a session of its own in `/`, with no descriptor but its own: it survives the
/// terminal and holds no directory busy. Several commands may start one at the same time: each
/// takes the home's lock before it binds the socket, the losers say so and end, and every command
/// talks to the winner.
package struct CoordinatorLauncher: Sendable {
    private let home: HomeDirectory
    /// The `shunt` to start, as a path.
    private let executable: String

    /// From the start of a coordinator to its first answer; a ledger that needs a migration or a
    /// slow disk must fit.
    private static let patience = Duration.seconds(10)

    /// - Parameter executable: the running binary unless a test has another.
    package init(home: HomeDirectory, executable: String? = nil) {
        self.home = home
        self.executable = executable ?? Self.runningExecutable()
    }

    /// Returns once a coordinator answers.
    ///
    /// - Throws: what kept the coordinator from starting, or `unreachable` when none answers in
    ///   time.
    package func ensureRunning() async throws {
        // Blocks for milliseconds in `poll`: not on a thread of Swift's pool.
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try start() })
            }
        }
    }

    /// Returns once no coordinator answers.
    ///
    /// - Throws: `unreachable` when one still does after ten seconds.
    package func waitUntilStopped() async throws {
        let deadline = ContinuousClock.now + Self.patience
        while SocketProbe.answers(home.layout.coordinatorSocket) {
            guard ContinuousClock.now < deadline else {
                throw ShuntError(
                    .unreachable, "the coordinator was asked to stop and still answers",
                    hint: "tail '\(home.layout.coordinatorLog)'")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func start() throws {
        if SocketProbe.answers(home.layout.coordinatorSocket) { return }
        let child = try SpawnedCoordinator(executable: executable, home: home)
        defer { child.release() }
        let deadline = ContinuousClock.now + Self.patience
        while true {
            let report = child.poll(milliseconds: 5)
            if SocketProbe.answers(home.layout.coordinatorSocket) { return }
            switch report {
            case .failed(let error): throw error
            case .ready, .alreadyRunning, nil: break
            }
            if report == nil, child.hasEnded {
                throw startupFailure("the coordinator ended while it was starting")
            }
            guard ContinuousClock.now < deadline else {
                throw startupFailure("the coordinator does not answer \(Self.patience) after start")
            }
        }
    }

    private func startupFailure(_ message: String) -> ShuntError {
        ShuntError(.unreachable, message, hint: "tail '\(home.layout.coordinatorLog)'")
    }

    /// `/proc/self/exe` itself stands in for a binary that was replaced while it ran.
    private static func runningExecutable() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let bytes = buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:))
        guard let path = String(validating: bytes, as: UTF8.self), access(path, X_OK) == 0 else {
            return "/proc/self/exe"
        }
        return path
    }
}
