internal import ContentStore
internal import Glibc
internal import JobModel

/// Projects with a `uv.lock`.
extension EnvironmentTaker {
    /// Where the worker has `uv` and reaches an index, `uv` reads the lock there: it alone knows
    /// what it means. Else the `uv` of this machine writes it out as a requirements file with
    /// checksums, which `pip` installs as well.
    func project(_ wish: BuiltEnvironment) throws -> EnvironmentRecipe {
        let names = (wish.path ?? "").split(separator: "/").dropLast().map(String.init)
        func path(_ name: String) -> String { (names + [name]).joined(separator: "/") }
        let lock = try file(path(Entry.projectLock), called: "the lock file")
        let project = try file(path(Entry.project), called: "the project file")
        try ProjectLock.check(lock)
        var recipe = RecipeTree()
        addSetup(wish, to: &recipe)
        let source = path(Entry.projectLock)
        var python = try pinned(path(Self.pinFile)) ?? ProjectLock.python(lock)
        guard supply.architecture != nil || !supply.readsProjectLocks,
            let export = try ProjectExport.find(isNeeded: supply.architecture != nil)
        else {
            recipe.add(Entry.project, project)
            recipe.add(Entry.projectLock, lock)
            return try finish(recipe, .uv, python: python, source: source, packages: nil)
        }
        let requirements = try export.requirements(project: project, lock: lock)
        try RequirementsFile.check(requirements)
        recipe.add(Entry.requirements, requirements)
        if let architecture = supply.architecture {
            let fetch = try WheelFetch(
                active: nil, python: supply.python(within: python), within: python,
                architecture: architecture)
            try add(fetch, requirements, building: [], isWhole: true, to: &recipe)
            python = PythonRange(fetch.python)
        }
        return try finish(recipe, .lock, python: python, source: source, packages: nil)
    }
}

extension EnvironmentTaker {
    /// Says of a lock that its `pyproject.toml` has left behind, where the `uv` of this machine can
    /// tell. It is asked only where the project file is the newer one, since it may ask an index.
    func staleLock(_ wish: BuiltEnvironment) throws -> [String] {
        let parent = RawPath(wish.path ?? "").parent
        let project = parent.isEmpty ? directory : directory.appending(parent.bytes)
        func modified(_ name: String) -> timespec? {
            var status = stat()
            guard project.appending(name).withCString({ stat($0, &status) }) == 0 else {
                return nil
            }
            return status.st_mtim
        }
        guard let file = modified(Entry.project), let lock = modified(Entry.projectLock),
            (file.tv_sec, file.tv_nsec) > (lock.tv_sec, lock.tv_nsec),
            try ProjectExport.find(isNeeded: false) != nil
        else { return [] }
        let answer = try ToolProcess(
            arguments: [
                "env", "UV_PYTHON_DOWNLOADS=never", "uv", "--quiet", "lock", "--check",
                "--project", String(decoding: project.bytes, as: UTF8.self),
            ], limitSeconds: 10
        ).run()
        guard answer.code != 0, answer.errors.contains("needs to be updated") else { return [] }
        return [
            "`uv.lock` is older than what `pyproject.toml` asks for; the job gets what the lock "
                + "says (`uv lock` brings it up to date)"
        ]
    }

    /// Where `uv python pin` writes down the version that a project is worked on with.
    private static let pinFile = ".python-version"

    /// - Returns: `nil` where the project pins none, or none by its number.
    private func pinned(_ path: String) throws -> PythonRange? {
        let bytes: [UInt8]?
        if let store {
            guard case .file(let digest, let size, _)? = try TreeLookup.node(path, in: tree, store),
                size <= 4096
            else { return nil }
            bytes = try store.readBytes(of: digest, limit: 4096)
        } else {
            // As with the other files of a dry run, what cannot be read is not there.
            bytes = try? SmallFile.read(directory.appending(path), limit: 4096)
        }
        let lines = String(decoding: bytes ?? [], as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.first { !$0.hasPrefix("#") }.flatMap { line in
            PythonVersion(String(line).trimmingSpaces).map(PythonRange.init)
        }
    }
}

/// The `uv` of this machine, which writes a lock out for installers that cannot read it. Blocks.
struct ProjectExport {
    /// - Parameter isNeeded: whether it is an error that there is none; without one the worker says
    ///   what it lacks.
    static func find(isNeeded: Bool) throws -> ProjectExport? {
        // One that cannot be started is none.
        let answer = try? ToolProcess(arguments: ["uv", "--version"]).run()
        if answer?.code == 0 { return ProjectExport() }
        guard isNeeded else { return nil }
        throw ShuntError(
            .failed,
            "the packages of a `uv.lock` are fetched here for this worker, and there is no `uv` "
                + "here that could read it",
            hint: "pip install uv")
    }

    func requirements(project: [UInt8], lock: [UInt8]) throws -> [UInt8] {
        try TemporaryFiles.with([
            (EnvironmentRecipe.Entry.project, project), (EnvironmentRecipe.Entry.projectLock, lock),
        ]) { directory in
            let answer = try ToolProcess(arguments: [
                "env", "UV_PYTHON_DOWNLOADS=never", "uv", "--quiet", "export", "--frozen",
                "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "--project",
                directory,
            ]).run()
            if answer.code == 0 { return answer.output }
            let words = answer.errors.split(separator: "\n").suffix(12).joined(separator: "\n")
            throw ShuntError(
                .failed, "`uv` here cannot read `uv.lock`:\n\(words)", hint: "uv lock --check")
        }
    }
}
