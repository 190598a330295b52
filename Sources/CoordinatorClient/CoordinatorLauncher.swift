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
    /// From the end of its coordinator to the end of an agent that nobody needs.
    private static let agentPatience = Duration.seconds(5)
    /// How long one that has the lock may take to listen before it counts as one that ends; twice
    /// as long for each that was started after it in vain.
    private static let handOver = Duration.milliseconds(200)

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

    /// Returns once the coordinator has ended, and the local agent too where nothing keeps it: it
    /// serves nobody else, and no task of its lives.
    ///
    /// - Parameter isAgentNeeded: jobs live on; the agent stays with them.
    /// - Throws: `unreachable` when the coordinator is still there after ten seconds.
    package func waitUntilStopped(isAgentNeeded: Bool) async throws {
        let layout = home.layout
        let hasEnded = try await Self.within(Self.patience) {
            !LockProbe.isHeld(layout.coordinatorLock)
        }
        guard hasEnded else {
            throw ShuntError(
                .unreachable, "the coordinator was asked to stop and is still there",
                hint: "tail '\(layout.coordinatorLog)'")
        }
        if isAgentNeeded { return }
        // One that stays longer has another coordinator, or a task that began meanwhile.
        _ = try await Self.within(Self.agentPatience) {
            !SocketProbe.answers(layout.agentSocket)
        }
    }

    private static func within(
        _ limit: Duration, _ holds: () -> Bool
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while !holds() {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    private func start() throws {
        if SocketProbe.answers(home.layout.coordinatorSocket) { return }
        var started = ContinuousClock.now
        let deadline = started + Self.patience
        var handOver = Self.handOver
        var mayTryAgain = true
        var child = try SpawnedCoordinator(executable: executable, home: home)
        defer { child.release() }
        while true {
            let report = child.poll(milliseconds: 5)
            if SocketProbe.answers(home.layout.coordinatorSocket) { return }
            switch report {
            case .failed(let error): throw error
            case .alreadyRunning where ContinuousClock.now - started > handOver:
                // Whoever has the lock does not listen: it is ending, and ours is needed.
                let next = try SpawnedCoordinator(executable: executable, home: home)
                child.release()
                child = next
                started = .now
                handOver *= 2
            case .ready, .alreadyRunning, nil: break
            }
            if report == nil, child.hasEnded {
                guard mayTryAgain else {
                    throw startupFailure("the coordinator ended while it was starting")
                }
                // Somebody may have ended that process, and the next one does not hear of it.
                mayTryAgain = false
                let next = try SpawnedCoordinator(executable: executable, home: home)
                child.release()
                child = next
                started = .now
            }
            guard ContinuousClock.now < deadline else {
                throw report == .alreadyRunning
                    ? unansweringHolder()
                    : startupFailure(
                        "the coordinator does not answer \(Self.patience) after its start")
            }
        }
    }

    /// Somebody has the lock and does not listen; to end that process harms no job.
    private func unansweringHolder() -> ShuntError {
        guard let pid = LockProbe.holder(home.layout.coordinatorLock) else {
            return startupFailure("another coordinator has the home and does not answer")
        }
        return ShuntError(
            .unreachable,
            "another coordinator (process \(pid)) has the home and does not answer",
            hint: "kill -KILL \(pid)")
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
