internal import ByteStream
internal import JobModel
internal import Logging
internal import SecretStore

/// The secrets of jobs that are not over, in memory-backed files: a coordinator that is started
/// again finds them, one on a machine that was started again does not.
///
/// They are known by the client key of the submission that brought them, since they are kept before
/// there is a job, and the key is the job's for good.
struct CoordinatorSecrets: Sendable {
    private let vault: SecretVault
    private let executor: BlockingExecutor
    private let logger: Logger

    init(layout: HomeLayout, logger: Logger) throws {
        vault = SecretVault(besides: layout.coordinatorSocket, role: .coordinator)
        executor = try BlockingExecutor(name: "secrets")
        self.logger = logger
    }

    /// A client may choose any bytes for its key, and a directory has to be called so.
    private static func name(of clientKey: String) -> String {
        "key-" + clientKey.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    func keep(_ secrets: [Secret], for clientKey: String) async throws {
        let name = Self.name(of: clientKey)
        try await executor.run { [vault] in try vault.put(secrets, under: name) }
    }

    /// - Throws: ``ShuntError`` where one of them is not there any more.
    func secrets(_ names: [String], for clientKey: String) async throws -> [Secret] {
        let name = Self.name(of: clientKey)
        let found = try await executor.run { [vault] in try vault.secrets(names, under: name) }
        guard let found else { throw ShuntError(.notFound, CoordinatorCore.lostSecrets) }
        return found
    }

    /// What cannot be removed is said in the log, and tried again at the next start.
    func drop(_ clientKey: String) {
        let name = Self.name(of: clientKey)
        Task { [self] in
            do {
                try await executor.run { try vault.remove(name) }
            } catch {
                logger.error("secrets could not be removed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Removes what no live job needs, and finds out which live jobs have lost theirs. For the
    /// start, before anybody is served; blocks.
    func recover(_ jobs: [JobRecord]) -> [JobID] {
        let live = jobs.filter { !$0.state.isTerminal && !$0.spec.secrets.isEmpty }
        do {
            try vault.removeAll(but: Set(live.map { Self.name(of: $0.clientKey) }))
        } catch {
            // Where no place is in memory there are none.
            logger.notice("no secrets are kept here", metadata: ["error": "\(error)"])
        }
        return live.filter { job in
            // Where they cannot even be looked for, they are not there.
            let isThere = try? vault.holds(job.spec.secrets, under: Self.name(of: job.clientKey))
            return isThere != true
        }.map(\.id)
    }
}
