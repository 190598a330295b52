internal import CoordinatorClient
internal import JobModel

/// What nearly every command begins with: the home, and a connection to its coordinator, which is
/// started on the first request if it does not run.
struct ShuntSession: Sendable {
    let home: HomeDirectory
    let launcher: CoordinatorLauncher
    let connection: CoordinatorConnection

    /// - Parameter startsCoordinator: `false` for the commands that ask whether one runs.
    static func open(startsCoordinator: Bool = true) throws -> ShuntSession {
        let home = try HomeDirectory.open(creates: startsCoordinator)
        let launcher = CoordinatorLauncher(home: home)
        let start: @Sendable () async throws -> Void = { try await launcher.ensureRunning() }
        let connection = CoordinatorConnection(
            socketPath: home.layout.coordinatorSocket, lockPath: home.layout.coordinatorLock,
            restart: startsCoordinator ? start : nil,
            onSilence: { text in
                // Told with `-q` too: only a person can end this wait. The live line gives way.
                let start = StandardStream.error.isTerminal ? "\r\u{1b}[K" : ""
                _ = StandardStream.error.write("\(start)shunt: \(text)\n".utf8)
            })
        return ShuntSession(home: home, launcher: launcher, connection: connection)
    }
}
