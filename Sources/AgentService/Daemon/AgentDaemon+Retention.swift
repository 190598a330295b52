internal import ByteStream
internal import JobModel
internal import Logging
internal import UVLoop

/// Clearing away what is left of tasks that are over, while there is nothing better to do.
extension AgentDaemon {
    /// So many tasks wait to be cleared at most while others run: some 60 MB of small files. A
    /// burst of short jobs has better things to do.
    private static let clearAtLatest = 2000
    /// Logs are counted again after so many tasks.
    private static let pruneAfter = 500

    /// Finds again what an earlier life of this agent did not get to.
    func recoverDiscarded() async {
        let known = knownTasks()
        let retention = retention
        do {
            let names = try await disk.run { try retention.leftovers(besides: known) }
            discarded += names
            clearedSincePrune = Self.pruneAfter
            try await endUnknown(names)
        } catch {
            logger.warning("old tasks cannot be cleared", metadata: ["error": "\(error)"])
        }
    }

    /// Before anybody is told that they are not here: tasks that run and that nobody knows.
    private func endUnknown(_ names: [String]) async throws {
        let retention = retention
        let executable = options.agentExecutable
        orphanedSupervisors += try await disk.run {
            retention.endUnknown(names, supervisor: executable)
        }
        let deadline = SteadyTime.current + Self.endPatience
        while true {
            let alive = try await disk.run { retention.alive(names) }
            if alive.isEmpty { return }
            guard SteadyTime.current < deadline else {
                let list = alive.joined(separator: ", ")
                logger.error("unknown tasks do not end", metadata: ["tasks": "\(list)"])
                return
            }
            try await loop.sleep(for: .milliseconds(20))
        }
    }

    /// What SIGKILL takes, and the supervisor's last record.
    private static let endPatience = Milliseconds.seconds(8)

    /// Removes records of discarded tasks, and the oldest logs beyond the bounds.
    func clearDiscarded() async {
        guard !discarded.isEmpty, !core.isBusy || discarded.count >= Self.clearAtLatest else {
            return
        }
        let names = discarded
        discarded = []
        let retention = retention
        do {
            let alive = try await disk.run { retention.removeRecords(of: names) }
            discarded += alive
            clearedSincePrune += names.count - alive.count
            guard clearedSincePrune >= Self.pruneAfter else { return }
            clearedSincePrune = 0
            let known = knownTasks()
            let pruned = try await disk.run { try retention.prune(sparing: known) }
            if pruned > 0 {
                logger.notice("oldest logs removed", metadata: ["tasks": "\(pruned)"])
            }
        } catch {
            logger.warning("old tasks cannot be cleared", metadata: ["error": "\(error)"])
        }
    }

    private func knownTasks() -> Set<String> {
        Set(core.tasks.map { AgentHome.taskName($0.token) })
    }

    /// The short names of the recipes that tasks which are not over need.
    func recipesInUse() -> Set<String> {
        Set(
            core.tasks.filter { !$0.phase.isFinal }
                .compactMap { $0.order?.spec.software?.recipe }
                .map(PythonEnvironments.shortName))
    }

    /// The images that tasks which are not over need.
    func imagesInUse() -> Set<Digest> {
        Set(core.tasks.filter { !$0.phase.isFinal }.compactMap { $0.container?.image.id })
    }

    /// Removes environments and images beyond their bound, after one was built.
    func collectEnvironments() async {
        do {
            for gone in try await staging.images.collect(inUse: imagesInUse()) {
                logger.notice("image removed", metadata: ["key": "\(gone.key)"])
            }
            for gone in try await staging.environments.collect(inUse: recipesInUse()) {
                logger.notice("environment removed", metadata: ["key": "\(gone.key)"])
            }
        } catch {
            logger.warning("environments cannot be removed", metadata: ["error": "\(error)"])
        }
    }
}
