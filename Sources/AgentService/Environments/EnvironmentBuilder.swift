internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// Builds one virtual environment and publishes it. Blocks; runs on the agent's executor.
struct EnvironmentBuilder: Sendable {
    let directory: String
    let key: String
    let python: PythonChoice
    var recipe: EnvironmentRecipe
    /// Holds the recipe's tree.
    let store: ObjectStore
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
        guard mkdir(builds, 0o700) == 0 || errno == EEXIST else { throw failure("make", builds) }
        var pattern = Array("\(builds)/\(key).XXXXXX".utf8CString)
        guard mkdtemp(&pattern) != nil else { throw failure("make", builds) }
        let target = String(
            decoding: pattern.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let source = target + Self.recipeSuffix
        // What is left is only space; the error that matters is the one at hand.
        defer { try? removeTree(at: RawPath(source)) }
        do {
            try checkOutRecipe(into: source)
            let steps = EnvironmentSteps(
                recipe: recipe, python: python, source: source, target: target)
            for step in try steps.all() { try run(step, into: target) }
            try keepRequirements(of: source, in: target)
            try EnvironmentSeal(root: target).close()
            try publish(target, as: environment.link)
        } catch {
            // Likewise.
            try? removeTree(at: RawPath(target))
            throw error
        }
        return target
    }

    /// Puts the recipe beside the build, and looks whether it is one of a format that is known.
    private func checkOutRecipe(into source: String) throws {
        do {
            _ = try store.checkOut(recipe.tree, into: RawPath(source))
        } catch let error as ShuntError where error.code == .notFound {
            // It was all here a moment ago, so an object turned out to be damaged.
            _ = try store.setAsideDamage(in: recipe.tree)
            throw error
        }
        let manifest = EnvironmentRecipe.manifest(kind: recipe.kind, python: recipe.python)
        guard
            SmallFile.text(source + "/" + EnvironmentRecipe.Entry.manifest)
                == String(decoding: manifest, as: UTF8.self)
        else {
            throw ShuntError(
                .refused, "the recipe of the environment has a format that is not known here",
                hint: "shunt worker add --help")
        }
        guard recipe.kind != .uv else { return }
        // The CLI has looked already; what is built here is decided here.
        let requirements = source + "/" + EnvironmentRecipe.Entry.requirements
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try SmallFile.read(requirements, limit: Self.largestRequirements)
        } catch {
            throw ShuntError(error, in: directory)
        }
        try RequirementsFile.check(bytes)
    }

    /// Stays with the environment, for whoever looks: what it was built from.
    private func keepRequirements(of source: String, in target: String) throws {
        let name = EnvironmentRecipe.Entry.requirements
        guard recipe.kind != .uv, rename(source + "/" + name, target + "/" + name) != 0 else {
            return
        }
        throw failure("keep", source + "/" + name)
    }

    private func run(_ step: EnvironmentSteps.Step, into target: String) throws {
        let mark = AbandonedBuilds.variable + "=" + target
        let arguments = step.arguments
        let ending = try HelperProcess(
            arguments: arguments,
            environment: Self.variables(setting: Self.settings + [mark] + step.variables),
            workingDirectory: step.directory,
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
        case .exited, .signalled, .stuck:
            throw ShuntError(
                .failed, "\(arguments.prefix(4).joined(separator: " ")) … failed:\n" + tail(),
                hint: "less \(log)")
        }
    }

    /// What follows a build's path in the path of its recipe.
    private static let recipeSuffix = ".recipe"
    /// Of a requirements file, in bytes. The CLI has the same bound.
    private static let largestRequirements = 16 << 20

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
