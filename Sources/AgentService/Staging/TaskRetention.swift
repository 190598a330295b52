internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// What stays on a worker of tasks that are over: their logs, the newest of them, up to a bound.
/// Working directories go as soon as the coordinator has acknowledged the end, records and FIFOs
/// soon after, and a task's whole directory when it is among the oldest beyond ``Bounds``.
///
/// A directory that the agent's core knows is never touched. All of it blocks.
struct TaskRetention: Sendable {
    /// How much is kept.
    struct Bounds: Sendable {
        /// Tasks whose logs are kept.
        var tasks = 10_000
        /// What those logs take on disk together.
        var size = ByteCount.gibibytes(8)
    }

    /// The directory of all tasks.
    let tasks: String
    var bounds = Bounds()

    /// Removes what a task worked on: the large part, at once.
    func removeWork(of name: String) throws {
        let path = tasks + "/" + name
        try removeTree(at: RawPath(TaskStaging.workDirectory(in: path)))
        unlink(TaskStaging.baselineFile(in: path))
    }

    /// Removes all but the log, also what ``removeWork(of:)`` did not get to.
    ///
    /// - Returns: those of `names` whose supervisor or init still lives, to be asked for again.
    func removeRecords(of names: [String]) -> [String] {
        names.filter { name in
            do {
                try TaskDirectory(tasks + "/" + name).discard()
                try removeWork(of: name)
                return false
            } catch let error as ShuntError {
                return error.code == .refused
            } catch {
                return false
            }
        }
    }

    /// Ends tasks that live although nobody knows them (a journal that was moved aside): nobody can
    /// ask for them again, and what they hold would be given to others.
    ///
    /// - Returns: the supervisors that were started for it, to be reaped.
    func endUnknown(_ names: [String], supervisor executable: String) -> [Int32] {
        alive(names).compactMap { name in
            let task = TaskDirectory(tasks + "/" + name)
            do {
                try task.requestStop(StopOrder(cause: .lease, grace: Milliseconds(0)))
                // Where one lives, this one finds the lock taken and ends.
                return try task.spawnSupervisor(executable: executable)
            } catch {
                // It is found alive when the caller looks again; the others are ended all the same.
                return nil
            }
        }
    }

    /// Those whose supervisor or init lives.
    func alive(_ names: [String]) -> [String] {
        // One that cannot be looked at has no directory any more.
        names.filter { (try? TaskDirectory(tasks + "/" + $0).isAlive()) == true }
    }

    /// The tasks that are here and not among `known`, from an earlier life of the agent.
    func leftovers(besides known: Set<String>) throws(ShuntError) -> [String] {
        try listing().filter { !known.contains($0) }.sorted()
    }

    /// Removes the oldest logs beyond the bounds.
    ///
    /// - Parameter known: tasks that are not over; they count, and stay.
    /// - Returns: how many tasks were forgotten.
    @discardableResult
    func prune(sparing known: Set<String>) throws -> Int {
        var kept = try listing().compactMap { name in
            known.contains(name) ? nil : Kept(tasks: tasks, name: name)
        }
        kept.sort { ($0.modified, $0.name) > ($1.modified, $1.name) }
        var size: Int64 = 0
        var pruned = 0
        for (index, task) in kept.enumerated() {
            size += task.size
            // The newest stays however large it is.
            let isWithin =
                index == 0
                || (index + known.count < bounds.tasks && size <= bounds.size.bytes)
            // One that lives although the core does not know it: its journal was moved aside, say.
            if try isWithin || TaskDirectory(tasks + "/" + task.name).isAlive() { continue }
            try removeTree(at: RawPath(tasks + "/" + task.name))
            pruned += 1
        }
        return pruned
    }

    private func listing() throws(ShuntError) -> [String] {
        do throws(SystemError) {
            return try OwnedDescriptor.open(tasks, O_RDONLY | O_DIRECTORY).names()
        } catch {
            throw ShuntError(error, in: tasks)
        }
    }

    /// A task of which the log is left.
    private struct Kept {
        var name: String
        /// Nanoseconds since 1970 at which its log got its last segment.
        var modified: Int64
        /// Bytes on disk.
        var size: Int64

        /// `nil` where the directory has gone meanwhile.
        init?(tasks: String, name: String) {
            self.name = name
            let path = tasks + "/" + name
            let log = TaskDirectory(path).logPath
            guard let status = Self.status(log) ?? Self.status(path) else { return nil }
            modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
            // Where there is no log there is nothing to count.
            let directory = try? OwnedDescriptor.open(log, O_RDONLY | O_DIRECTORY)
            let segments = (try? directory?.names()) ?? []
            size = segments.reduce(0) { sum, segment in
                sum + Int64(Self.status(log + "/" + segment)?.st_blocks ?? 0) * 512
            }
        }

        private static func status(_ path: String) -> stat? {
            var status = stat()
            return lstat(path, &status) == 0 ? status : nil
        }
    }
}
