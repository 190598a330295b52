internal import CLinux
internal import Glibc
internal import JobModel

/// An agent's directory on its machine:
///
/// ```
/// HOME/id            the agent's ID
/// HOME/lock          held for the life of the daemon
/// HOME/journal       what it must be able to say again
/// HOME/tasks/NAME/   one directory a task; see ``TaskDirectory``
/// HOME/environments/ virtual environments, see ``PythonEnvironments``
/// HOME/images/       notes of the engine's images, see ``ImageShelf``
/// ```
struct AgentHome: Sendable {
    let root: String

    var tasks: String { root + "/tasks" }
    var environments: String { root + "/environments" }
    var images: String { root + "/images" }

    /// Makes what is missing and takes the lock.
    ///
    /// - Returns: the held lock's descriptor, open until the process ends.
    /// - Throws: ``Taken`` if another agent has this directory; ``ShuntError``.
    func prepare() throws -> Int32 {
        for path in [root, tasks, environments, images] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw ShuntError(
                    .failed, "cannot make `\(path)`: \(String(cString: strerror(errno)))",
                    hint: "df -h; ls -ld \(root)")
            }
        }
        let lock = shunt_open(root + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw ShuntError(
                .failed, "cannot open `\(root)/lock`: \(String(cString: strerror(errno)))",
                hint: "df -h; ls -ld \(root)")
        }
        let deadline = SteadyTime.current + Self.lockPatience
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard SteadyTime.current < deadline else {
                _ = close(lock)
                throw Taken(root: root)
            }
            usleep(5_000)
        }
        writeProcess(into: lock)
        return lock
    }

    /// Says in the lock's file who has it, for whoever wants this agent to end.
    private func writeProcess(into lock: Int32) {
        let text = "\(getpid())\n"
        // A full disk makes this agent one that can only be ended by hand.
        _ = ftruncate(lock, 0)
        _ = text.withCString { pwrite(lock, $0, strlen($0), 0) }
    }

    /// Another agent has the directory. It may be about to end.
    struct Taken: Error {
        let root: String
    }

    /// For an agent that is about to end and listens no more.
    private static let lockPatience = Milliseconds.seconds(2)

    /// The agent's ID, drawn and made durable on first use.
    func identity() throws -> AgentID {
        let path = root + "/id"
        if let text = SmallFile.text(path) {
            guard let id = AgentID(text.trimmedLine) else {
                throw ShuntError(
                    .failed, "`\(path)` holds no agent ID", hint: "mv \(path) \(path).damaged")
            }
            return id
        }
        var random = SystemRandomNumberGenerator()
        let id = AgentID(high: random.next(), low: random.next())
        do throws(SystemError) {
            let directory = try OwnedDescriptor.open(root, O_RDONLY | O_DIRECTORY)
            try SmallFile.write(
                Array((id.text + "\n").utf8), to: "id", in: directory, durable: true)
        } catch {
            throw ShuntError(error, in: root)
        }
        return id
    }

    /// Where a task lives.
    func taskDirectory(_ token: StartToken) -> String { tasks + "/" + Self.taskName(token) }

    /// The nonce keeps coordinators apart that gave a job the same ID.
    static func taskName(_ token: StartToken) -> String {
        let task = token.task
        return "\(task.attempt).\(task.rank)-\(String(token.nonce, radix: 16))"
    }
}

extension String {
    /// Without the white space at its ends.
    var trimmedLine: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
