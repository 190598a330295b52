internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// The virtual environments of one agent: one for each (digest of the requirements file, Python
/// version, platform), built once, shared by every later job, never changed: what a job has changed
/// all the same is set aside and built anew (``EnvironmentSeal``).
///
/// ```
/// DIR/KEY            a symbolic link to the finished build: its rename publishes it
/// DIR/builds/KEY.N   a build, at the path at which it stays, since scripts hold that path
/// DIR/builds/KEY.log what the installer printed last
/// DIR/KEY.N.changed  a link to a build that was set aside
/// ```
///
/// Two jobs that ask for the same one at the same time share the build. A build that fails, is
/// aborted by everyone who waited, or exceeds ``buildLimit`` leaves nothing behind but its log.
actor PythonEnvironments {
    /// From asking to published.
    static let buildLimit = Milliseconds.minutes(30)

    private let directory: String
    private let platform: Platform
    /// For builds, each of which holds a thread until it is over.
    private let executor: BlockingExecutor
    /// For what takes moments and must not wait behind builds.
    private let disk: BlockingExecutor
    private var builds: [String: Build] = [:]
    /// By the path under which they were found.
    private var interpreters: [String: PythonInterpreter] = [:]
    /// How often an interpreter was asked for its version.
    private var questions = 0

    /// One build that is going on, and how many jobs wait for it.
    private struct Build {
        var task: Task<String, any Error>
        var abort: AbortFlag
        var waiters: Int
    }

    init(
        directory: String, platform: Platform, executor: BlockingExecutor, disk: BlockingExecutor
    ) {
        self.directory = directory
        self.platform = platform
        self.executor = executor
        self.disk = disk
    }

    /// Ends what the builds of an earlier life of this agent left running, and removes what they
    /// had built. To be called once, before the first build.
    func removeAbandonedBuilds() async {
        let leftovers = AbandonedBuilds(directory: directory)
        // What cannot be removed takes space and nothing else; the next start tries again.
        try? await executor.run { try leftovers.remove() }
    }

    /// The path of the environment, built if need be.
    ///
    /// - Parameters:
    ///   - file: the requirements file as it was checked out; it is read before the build, which
    ///     may last longer than the checkout.
    ///   - onBuild: is told what is being done, for people.
    /// - Throws: ``ShuntError`` with the end of the installer's output; `CancellationError`.
    func environment(
        for python: JobSpec.PythonEnvironment, file: String,
        onBuild: @Sendable (_ activity: String) async -> Void
    ) async throws -> String {
        let interpreter = try await interpreter()
        let key = key(for: python.requirementsDigest, interpreter)
        let published = PublishedEnvironment(directory: directory, key: key)
        switch try await disk.run({ published.look() }) {
        case .intact(let path): return path
        case .changed(_, let file):
            await onBuild("building the environment again, since a job has changed `\(file)`")
        case .missing: await onBuild("building the environment")
        }
        let requirements = try await disk.run { try Self.read(file) }
        return try await join(key, requirements, interpreter)
    }

    /// Whether an environment is there already.
    func isCached(_ requirements: Digest) async throws -> Bool {
        let key = key(for: requirements, try await interpreter())
        return access(directory + "/" + key + "/bin/python", X_OK) == 0
    }

    private static func read(_ file: String) throws -> [UInt8] {
        do throws(SystemError) {
            return try SmallFile.read(file, limit: largestRequirements)
        } catch {
            throw ShuntError(
                .failed, "the requirements cannot be read: \(error)", hint: "ls -l \(file)")
        }
    }

    /// Of a requirements file, in bytes. The CLI has the same bound.
    private static let largestRequirements = 16 << 20

    private func join(
        _ key: String, _ requirements: [UInt8], _ python: PythonInterpreter
    ) async throws -> String {
        var build: Build
        if let running = builds[key] {
            build = running
        } else {
            let abort = AbortFlag()
            let builder = EnvironmentBuilder(
                directory: directory, key: key, python: python.executable,
                requirements: requirements, abort: abort)
            let executor = executor
            build = Build(
                task: Task { try await executor.run { try builder.build() } }, abort: abort,
                waiters: 0)
        }
        build.waiters += 1
        builds[key] = build
        let shared = build
        let result = await withTaskCancellationHandler {
            await shared.task.result
        } onCancel: {
            Task { await self.giveUp(shared, key) }
        }
        if builds[key]?.task == shared.task { builds[key] = nil }
        try Task.checkCancellation()
        return try result.get()
    }

    /// One of those who waited no longer does; the last one ends the build.
    private func giveUp(_ build: Build, _ key: String) {
        guard builds[key]?.task == build.task else { return }
        builds[key]?.waiters -= 1
        guard builds[key]?.waiters == 0 else { return }
        build.abort.set()
        // Whoever asks from now on must not share a build that ends without a result.
        builds[key] = nil
    }

    private func key(for requirements: Digest, _ python: PythonInterpreter) -> String {
        "py\(python.version)-\(platform.system)-\(platform.architecture)-"
            + String(requirements.hex.prefix(32))
    }

    /// The interpreter that `python3` stands for. It is asked once for as long as its file is the
    /// same; where `python3` only starts another one (pyenv), which one that is can change at any
    /// time, and it is asked each time.
    private func interpreter() async throws -> PythonInterpreter {
        guard let path = ExecutableSearch.find("python3") else {
            throw ShuntError(
                .notFound, "there is no `python3` on this worker",
                hint: "apt-get install python3 python3-venv")
        }
        let identity = PythonInterpreter.identity(of: path)
        if let known = interpreters[path], known.identity == identity { return known }
        // Two jobs may ask at the same time: each question has a file of its own.
        questions += 1
        let output = directory + "/python-version.\(getpid()).\(questions)"
        let found = try await disk.run { try PythonInterpreter(asking: path, output: output) }
        interpreters[path] = found.identity == identity ? found : nil
        return found
    }
}

/// Looks a program up in this process's `PATH`.
enum ExecutableSearch {
    static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    static func find(_ name: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? standardPath
        for directory in path.split(separator: ":") {
            let candidate = directory + "/" + name
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }
}
