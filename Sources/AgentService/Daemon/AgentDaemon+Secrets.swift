internal import ByteStream
internal import JobModel
internal import Logging
internal import SecretStore

/// The secrets of tasks: they come over a bulk stream, lie in the memory of this machine, and go
/// with the end of the task.
extension AgentDaemon {
    /// - Throws: ``ShuntError`` where the task does not want them, or they cannot be kept.
    func keep(_ secrets: [Secret], for token: StartToken) async throws {
        let names = secrets.map(\.name)
        guard core.wantsSecrets(token, named: names) else { throw Self.unwanted(token) }
        let vault = staging.secrets
        let key = AgentHome.taskName(token)
        try await disk.run { try vault.put(secrets, under: key) }
        // It may have been cancelled meanwhile, and its secrets removed before they were there.
        guard core.tasksWithSecrets.contains(token) else {
            dropSecrets(token)
            throw Self.unwanted(token)
        }
    }

    private static func unwanted(_ token: StartToken) -> ShuntError {
        ShuntError(
            .refused, "the task `\(token.task)` does not wait for secrets",
            hint: "shunt inspect \(token.task.job)")
    }

    func dropSecrets(_ token: StartToken) {
        let vault = staging.secrets
        let key = AgentHome.taskName(token)
        Task {
            do {
                try await disk.run { try vault.remove(key) }
            } catch {
                logger.error(
                    "secrets could not be removed",
                    metadata: ["task": "\(token.task)", "error": "\(error)"])
            }
        }
    }

    /// Those of tasks that ended while no agent lived.
    func removeOldSecrets() async {
        let vault = staging.secrets
        let kept = Set(core.tasksWithSecrets.map(AgentHome.taskName))
        do {
            try await disk.run { try vault.removeAll(but: kept) }
        } catch {
            // Where no place is in memory there are none.
            logger.notice("no secrets are kept here", metadata: ["error": "\(error)"])
        }
    }
}
