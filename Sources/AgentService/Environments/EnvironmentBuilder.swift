internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// Builds one virtual environment and publishes it. Blocks; runs on the agent's executor.
struct EnvironmentBuilder: Sendable {
    let directory: String
    let key: String
    /// The interpreter whose version stands in the key, absolute.
    let python: String
    /// What the requirements file holds. The build outlives the checkout that the file came from:
    /// that of a job which was cancelled while others wait for the same environment.
    let requirements: [UInt8]
    let abort: AbortFlag
    /// Makes durable what was written to the file system of a path; 0 or the errno. A test makes it
    /// fail.
    var sync: @Sendable (_ path: String) -> Int32 = Self.syncFileSystem

    private var builds: String { directory + "/builds" }
    private var log: String { builds + "/" + key + ".log" }

    /// Lines of the installer's output that an error shows.
    private static let shownLines = 30

    /// - Returns: the path of the build that is published.
    func build() throws -> String {
        let environment = PublishedEnvironment(directory: directory, key: key)
        switch environment.look() {
        case .intact(let path): return path
        case .changed(let path, _): try environment.setAside(path)
        case .missing: break
        }
        // The CLI has looked already; what is built here is decided here.
        try RequirementsFile.check(requirements)
        guard mkdir(builds, 0o700) == 0 || errno == EEXIST else { throw failure("make", builds) }
        var pattern = Array("\(builds)/\(key).XXXXXX".utf8CString)
        guard mkdtemp(&pattern) != nil else { throw failure("make", builds) }
        let target = String(
            decoding: pattern.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        do {
            let file = target + "/" + Self.requirementsName
            try write(requirements, to: file)
            for step in steps(into: target, file) { try run(step, into: target) }
            try EnvironmentSeal(root: target).close()
            try publish(target, as: environment.link)
        } catch {
            // What is left is only space; the error that matters is the one at hand.
            try? removeTree(at: RawPath(target))
            throw error
        }
        return target
    }

    /// The commands of a build: `uv` where it is installed, which is much faster, else `venv` and
    /// `pip`.
    private func steps(into target: String, _ file: String) -> [[String]] {
        if let uv = ExecutableSearch.find("uv") {
            return [
                [uv, "venv", "--quiet", "--allow-existing", "--python", python, target],
                [uv, "pip", "install", "--python", target + "/bin/python", "-r", file],
            ]
        }
        return [
            [python, "-m", "venv", target],
            [
                target + "/bin/python", "-m", "pip", "install", "--no-input",
                "--disable-pip-version-check", "-r", file,
            ],
        ]
    }

    private func run(_ arguments: [String], into target: String) throws {
        let mark = AbandonedBuilds.variable + "=" + target
        let ending = try HelperProcess(
            arguments: arguments, environment: Self.variables(setting: Self.settings + [mark]),
            workingDirectory: "/",
            outputPath: log
        ).run(within: PythonEnvironments.buildLimit, abort: abort)
        switch ending {
        case .exited(0): return
        case .aborted: throw CancellationError()
        case .timedOut:
            throw ShuntError(
                .failed,
                "the environment was not built within "
                    + "\(PythonEnvironments.buildLimit.count / 60_000) minutes\n" + tail(),
                hint: "less \(log)")
        case .exited, .signalled:
            throw ShuntError(
                .failed, "\(arguments.prefix(4).joined(separator: " ")) … failed:\n" + tail(),
                hint: "less \(log)")
        }
    }

    /// Stays with the environment: what it was built from.
    private static let requirementsName = "requirements.txt"

    private func write(_ bytes: [UInt8], to path: String) throws {
        do throws(SystemError) {
            let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            try SmallFile.overwrite(bytes, at: 0, in: file, path)
        } catch {
            throw ShuntError(error, in: directory)
        }
    }

    private func tail() -> String {
        let lines = (SmallFile.text(log) ?? "").split(
            separator: "\n", omittingEmptySubsequences: false)
        return lines.suffix(Self.shownLines).joined(separator: "\n").trimmedLine
    }

    /// A rename is what makes the environment visible: whole, or not at all. After a power cut as
    /// well, so its thousands of files are durable before that, by one call for all of them.
    private func publish(_ target: String, as published: String) throws {
        let code = sync(target)
        guard code == 0 else {
            errno = code
            throw failure("make durable", target)
        }
        let link = target + ".link"
        guard symlink(target, link) == 0 else { throw failure("make", link) }
        guard rename(link, published) == 0 else {
            unlink(link)
            throw failure("publish", published)
        }
        try Journal.syncDirectory(directory)
    }

    private static func syncFileSystem(of path: String) -> Int32 {
        do throws(SystemError) {
            let root = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
            try SystemError.check("sync", path) { syncfs(root.raw) }
            return 0
        } catch {
            return error.errno
        }
    }

    private func failure(_ action: String, _ path: String) -> ShuntError {
        ShuntError(
            .failed, "cannot \(action) `\(path)`: \(String(cString: strerror(errno)))",
            hint: "df -h \(directory)")
    }

    /// A build shares no file with the cache of `uv`, which other environments share, and holds the
    /// bytecode that nobody can add later.
    private static let settings = ["UV_LINK_MODE=copy", "UV_COMPILE_BYTECODE=1"]

    /// The agent's own variables without those that would point an installer elsewhere, and with
    /// these.
    static func variables(setting own: [String] = []) -> [String] {
        let omitted =
            ["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"]
            + own.map { String($0.prefix { $0 != "=" }) }
        var result: [String] = []
        var next = Glibc.environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            let name = text.prefix { $0 != "=" }
            if !omitted.contains(String(name)) { result.append(text) }
            next += 1
        }
        return result + own
    }
}
