internal import CLinux
internal import ContentStore
internal import Glibc
internal import JobModel

/// Builds one environment and publishes it. Blocks; runs on the agent's executor.
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
    /// Of each command.
    var timeLimit = PythonEnvironments.buildLimit
    /// What it may take; a larger one could not be kept.
    var sizeLimit = PythonEnvironments.sizeBound

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
            try requireFitting(target)
            try keepRecipe(source, in: target)
            try EnvironmentSeal(root: target).close()
            try publish(target, as: environment.link)
            // Of a build that failed it is what there is to read.
            unlink(log)
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
        let requirements = source + "/" + EnvironmentRecipe.Entry.requirements
        let mayLack = recipe.kind == .uv || recipe.kind.isOfConda
        guard !mayLack || access(requirements, F_OK) == 0 else { return }
        // The CLI has looked already; what is built here is decided here.
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try SmallFile.read(requirements, limit: Self.largestRequirements)
        } catch {
            throw ShuntError(error, in: directory)
        }
        try RequirementsFile.check(bytes)
    }

    /// Stays with the environment, for whoever looks: what it was built from.
    private func keepRecipe(_ source: String, in target: String) throws {
        let name: String
        switch recipe.kind {
        case .requirements, .lock: name = EnvironmentRecipe.Entry.requirements
        case .uv: name = EnvironmentRecipe.Entry.projectLock
        case .conda: name = EnvironmentRecipe.Entry.condaFile
        case .condaLock: name = EnvironmentRecipe.Entry.condaExplicit
        }
        guard rename(source + "/" + name, target + "/" + name) != 0 else { return }
        throw failure("keep", source + "/" + name)
    }

    private func run(_ step: EnvironmentSteps.Step, into target: String) throws {
        let mark = AbandonedBuilds.variable + "=" + target
        guard !step.makesTarget || rmdir(target) == 0 else { throw failure("remove", target) }
        let arguments = step.arguments
        let ending = try HelperProcess(
            arguments: arguments,
            environment: Self.variables(setting: Self.settings + [mark] + step.variables),
            workingDirectory: step.directory,
            outputPath: log
        ).run(
            within: timeLimit, abort: abort,
            isTooLarge: { TreeSize.exceeds(sizeLimit, at: target) })
        switch ending {
        case .exited(0): return
        case .aborted: throw CancellationError()
        case .timedOut:
            throw ShuntError(
                .failed,
                "the environment was not built within \(timeLimit.count / 1000) s\n" + tail(),
                hint: "less \(log)")
        case .tooLarge: throw tooLarge()
        case .exited, .signalled, .stuck:
            if let full = diskIsFull() { throw full }
            var what = "failed"
            if case .signalled(let number) = ending { what = "was killed by signal \(number)" }
            throw ShuntError(
                .failed, "\(arguments.prefix(4).joined(separator: " ")) … \(what):\n" + tail(),
                hint: "less \(log)")
        }
    }

    private func requireFitting(_ target: String) throws {
        guard !TreeSize.exceeds(sizeLimit, at: target) else { throw tooLarge() }
    }

    private func tooLarge() -> ShuntError {
        ShuntError(
            .refused,
            "the environment takes more than \(sizeLimit), which is the most that is kept",
            hint: "less \(log)")
    }

    /// Little is left when a command fails on a full disk, and its last words had no place either.
    private func diskIsFull() -> ShuntError? {
        var status = statvfs()
        guard statvfs(builds, &status) == 0 else { return nil }
        let free = ByteCount(Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize)))
        guard free < Self.little || status.f_files > 0 && status.f_favail == 0 else { return nil }
        return ShuntError(
            .failed,
            "no space is left for the environment on the disk of `\(builds)`: \(free) free\n"
                + tail(),
            hint: "df -h \(builds)")
    }

    private static let little = ByteCount.mebibytes(1)

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
