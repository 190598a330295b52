internal import CLinux
internal import Glibc
internal import JobModel

/// The commands that make an environment out of a recipe: `uv` where it is installed, which is much
/// faster, else `venv` and `pip`; conda or one of its kin for what is theirs.
struct EnvironmentSteps: Sendable {
    let recipe: EnvironmentRecipe
    let python: PythonChoice
    /// Where the recipe's tree lies.
    let source: String
    /// Where the environment comes to lie.
    let target: String

    /// One command, and what it gets beside the agent's own variables.
    struct Step: Hashable, Sendable {
        var arguments: [String]
        var variables: [String] = []
        var directory = "/"
        /// It wants nothing to be there yet, not even an empty directory.
        var makesTarget = false
    }

    private typealias Entry = EnvironmentRecipe.Entry

    /// - Throws: ``ShuntError`` where this worker lacks what the recipe's kind needs.
    func all() throws -> [Step] {
        let uv = ExecutableSearch.find("uv")
        var steps = try [environment(uv)]
        switch recipe.kind {
        case .conda: break
        case .requirements: steps.append(install(["-r", source + "/" + Entry.requirements], uv))
        case .lock, .condaLock:
            // What conda has put there is all there is, in most of its environments.
            guard recipe.kind == .lock || access(source + "/" + Entry.requirements, F_OK) == 0
            else { break }
            // A lock names all there is to install: nothing is solved, nothing is added.
            steps.append(
                install(["--no-deps", "-r", source + "/" + Entry.requirements], uv))
            let places = try sources()
            if !places.isEmpty { steps.append(install(["--no-deps"] + places, uv)) }
        case .uv:
            guard let uv else {
                throw ShuntError(
                    .notFound, "there is no `uv` on this worker, which a `uv.lock` needs",
                    hint: "pip install uv")
            }
            steps.append(
                Step(
                    arguments: [
                        uv, "sync", "--frozen", "--no-dev", "--no-install-project",
                        "--python", target + "/bin/python", "--project", source,
                    ],
                    variables: ["UV_PROJECT_ENVIRONMENT=\(target)"]))
        }
        if access(source + "/" + Entry.setup, F_OK) == 0 { steps.append(setup()) }
        return steps
    }

    private func environment(_ uv: String?) throws -> Step {
        func venv(_ uv: String, _ python: String) -> Step {
            Step(arguments: [
                uv, "venv", "--quiet", "--allow-existing", "--python", python, target,
            ])
        }
        switch python {
        case .interpreter(let interpreter):
            let program = interpreter.executable
            return uv.map { venv($0, program) }
                ?? Step(arguments: [program, "-I", "-c", VenvScript.text, target])
        case .fromUV(let version):
            if let uv { return venv(uv, version.description) }
            throw ShuntError(
                .notFound, "Python \(version) was to come from `uv`, which is gone",
                hint: "pip install uv")
        case .ofConda(let tool):
            let file = recipe.kind == .conda ? Entry.condaFile : Entry.condaExplicit
            return Step(
                arguments: tool.creation(of: target, from: source + "/" + file),
                variables: CondaTool.settings, makesTarget: true)
        }
    }

    private func install(_ what: [String], _ uv: String?) -> Step {
        let wheels = source + "/" + Entry.wheels
        let places =
            access(wheels, F_OK) == 0 ? ["--no-index", "--find-links", wheels] : []
        let python = target + "/bin/python"
        if let uv {
            return Step(arguments: [uv, "pip", "install", "--python", python] + places + what)
        }
        return Step(
            arguments: [
                python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
            ] + places + what)
    }

    /// What a lock installs beside its pins, in the order of their names.
    private func sources() throws -> [String] {
        let path = source + "/" + Entry.sources
        guard access(path, F_OK) == 0 else { return [] }
        do throws(SystemError) {
            let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY)
            return try directory.names().sorted().map { path + "/" + $0 }
        } catch {
            throw ShuntError(error, in: path)
        }
    }

    /// The person's own commands, in the environment.
    private func setup() -> Step {
        let path = getenv("PATH").map { String(cString: $0) } ?? ExecutableSearch.standardPath
        return Step(
            arguments: ["/bin/sh", "-e", source + "/" + Entry.setup],
            variables: [
                "\(recipe.kind.isOfConda ? "CONDA_PREFIX" : "VIRTUAL_ENV")=\(target)",
                "PATH=\(target)/bin:\(path)",
            ],
            directory: target)
    }
}
