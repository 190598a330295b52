internal import ContentStore
internal import Glibc
internal import JobModel

/// A job's environment, as it goes with the job, and what there is to say about it.
struct TakenEnvironment: Sendable {
    var software: SoftwareEnvironment?
    /// What of the active environment cannot be had elsewhere.
    var gaps: [String] = []
    /// What else its author would want to know.
    var warnings: [String] = []
}

/// Makes of what a job wants for an environment what a worker needs to build it. Blocks.
struct EnvironmentTaker: Sendable {
    let layout: HomeLayout
    /// The job's directory.
    let directory: RawPath
    /// `nil` in a dry run, which writes nothing.
    let store: ObjectStore?
    /// The job's snapshot.
    let tree: TreeReference
    /// How the packages reach the worker.
    let supply: PackageSupply
    /// Files that are no content, wherever they lie.
    let withheld: Set<FileIdentity>

    typealias Entry = EnvironmentRecipe.Entry

    func take(_ wish: EnvironmentWish) throws -> TakenEnvironment {
        let taken: TakenEnvironment
        switch wish {
        case .none: return TakenEnvironment()
        case .existing(let name): return TakenEnvironment(software: .existing(name))
        case .unsaid:
            guard let root = ActiveEnvironment.root else { return TakenEnvironment() }
            taken = try capture(root)
        case .active:
            guard let root = ActiveEnvironment.root else {
                throw ShuntError(
                    .usage,
                    "`capture: true` takes the environment that is active here, and none is",
                    hint: ". .venv/bin/activate")
            }
            taken = try capture(root)
        case .built(let wish):
            let recipe =
                if let path = wish.conda {
                    try conda(path, wish)
                } else {
                    try wish.isProject ? project(wish) : requirements(wish)
                }
            taken = TakenEnvironment(
                software: .recipe(recipe),
                warnings: try wish.isProject ? staleLock(wish) : [])
        }
        // Nothing is synced where nothing is new.
        try store?.flush()
        return taken
    }

    // MARK: What is active here

    private func capture(_ root: String) throws -> TakenEnvironment {
        var captured = try CapturedEnvironment.read(root, for: directory)
        for index in captured.distributions.indices
        where try captured.distributions[index].live.map(isSent) == false {
            captured.distributions[index].live = nil
        }
        var lock = EnvironmentLock(captured) { access($0, F_OK) == 0 }
        try lock.dropChanged { path in
            let file = RawPath(path)
            guard let store else {
                return ContentHasher.digest(of: try SmallFile.read(file, limit: 1 << 30))
            }
            return try store.insert(copyingFileAt: file).digest
        }
        if let packages = captured.conda {
            return try captureConda(packages, lock, root)
        }
        var recipe = RecipeTree()
        let python = PythonVersion(captured.python)
        if let architecture = supply.architecture {
            let fetch = try WheelFetch(active: root, python: python, architecture: architecture)
            try addWheels(fetch, lock, to: &recipe)
        } else {
            try add(lock, to: &recipe)
        }
        let taken = try finish(
            recipe, .lock, python: python.map(PythonRange.init), source: root, packages: lock.count,
            importPaths: lock.importPaths)
        return TakenEnvironment(
            software: .recipe(taken), gaps: lock.gaps, warnings: lock.warnings)
    }

    /// Whether the code of an editable install is in the snapshot, and not among what is left out:
    /// in a virtual environment for one. Of a dry run there is none to look into.
    private func isSent(_ install: CapturedEnvironment.LiveInstall) throws -> Bool {
        guard let store else { return true }
        return try install.paths.allSatisfy { path in
            try TreeLookup.directory(path == "." ? "" : path, in: tree, store) != nil
        }
    }

    /// The pins of a lock and what it takes from this machine.
    func add(_ lock: EnvironmentLock, to recipe: inout RecipeTree) throws {
        recipe.add(Entry.requirements, Self.lines(lock.pins))
        var sources = RecipeTree()
        for source in lock.sources { try add(source, to: &sources) }
        for live in lock.live { sources.add(live.install.name, Array(live.install.wheel)) }
        if !sources.isEmpty { recipe.add(Entry.sources, sources) }
    }

    static func lines(_ requirements: [String]) -> [UInt8] {
        Array(requirements.map { $0 + "\n" }.joined().utf8)
    }

    /// All of a lock as wheels; what has an address or lies here is built to one first.
    private func addWheels(
        _ fetch: WheelFetch, _ lock: EnvironmentLock, to recipe: inout RecipeTree
    ) throws {
        let addressed = lock.pins.filter { $0.contains(" @ ") }
        let pins = lock.pins.filter { !$0.contains(" @ ") }
        let names =
            addressed.map { String($0.prefix { $0 != " " }) }
            + lock.sources.map(\.distribution) + lock.live.map(\.distribution)
        recipe.add(
            Entry.requirements, Self.lines(pins.filter { !$0.hasPrefix("-") } + names))
        try add(
            fetch, Self.lines(pins), building: addressed + lock.sources.map(\.path),
            isWhole: true, beside: lock.live.map(\.install), to: &recipe)
    }

    func add(
        _ fetch: WheelFetch, _ requirements: [UInt8], building built: [String], isWhole: Bool,
        beside installs: [CapturedEnvironment.LiveInstall] = [], to recipe: inout RecipeTree
    ) throws {
        let list = WheelList(layout.wheelDirectory, requirements, for: fetch, isWhole: isWhole)
        // What is built from files of this machine may be another thing each time.
        let isLasting = built.isEmpty
        var wheels = RecipeTree()
        if isLasting, let store, let known = try list.wheels(in: store) {
            for wheel in known { wheels.add(wheel.name, wheel.digest, size: wheel.size) }
        } else {
            let fetched = try fetch.fetch(requirements, building: built, isWhole: isWhole) {
                directory, names in
                try names.map { name in
                    try stored(RawPath(directory).appending(name), as: name)
                }
            }
            for wheel in fetched { wheels.add(wheel.name, wheel.digest, size: wheel.size) }
            if isLasting, store != nil { try list.write(fetched) }
        }
        for install in installs { wheels.add(install.name, Array(install.wheel)) }
        // Where nothing is to be installed, there is nothing to look into.
        if !wheels.isEmpty { recipe.add(Entry.wheels, wheels) }
    }

    private func add(file path: RawPath, as name: String, to tree: inout RecipeTree) throws {
        let file = try stored(path, as: name)
        tree.add(name, file.digest, size: file.size)
    }

    private func stored(_ path: RawPath, as name: String) throws -> WheelList.Wheel {
        guard let store else {
            let bytes = try SmallFile.read(path, limit: 1 << 30)
            return WheelList.Wheel(
                name: name, digest: ContentHasher.digest(of: bytes), size: Int64(bytes.count))
        }
        let file = try store.insert(copyingFileAt: path)
        return WheelList.Wheel(name: name, digest: file.digest, size: file.size)
    }

    /// What an environment takes from a directory or archive of this machine.
    private func add(_ source: EnvironmentLock.Source, to sources: inout RecipeTree) throws {
        let path = RawPath(source.path)
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else { throw changed(source) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return try add(file: path, as: source.name, to: &sources)
        }
        try JobDirectory.refuse(path, layout)
        var options = SnapshotOptions()
        // Nothing of it may change or go while an environment is built from it.
        options.copyLimit = ByteCount(.max)
        options.withheld = withheld
        let snapshot = try Snapshot.take(
            root: path, store: store,
            cache: StatCache(directory: RawPath(layout.statCacheDirectory)), options: options)
        sources.add(source.name, snapshot.tree, snapshot.totals)
    }

    private func changed(_ source: EnvironmentLock.Source) -> ShuntError {
        ShuntError(
            .failed,
            "`\(Quoting.visible(source.path))`, which `\(source.name)` is installed from, "
                + "cannot be read: \(String(cString: strerror(errno)))",
            hint: "ls -l \(Quoting.forShell(source.path))")
    }

    // MARK: What files say

    private func requirements(_ wish: BuiltEnvironment) throws -> EnvironmentRecipe {
        var recipe = RecipeTree()
        let bytes = try wish.path.map { try file($0, called: "the requirements file") } ?? []
        try RequirementsFile.check(bytes)
        recipe.add(Entry.requirements, bytes)
        addSetup(wish, to: &recipe)
        var python: PythonRange?
        if let architecture = supply.architecture {
            let fetch = try WheelFetch(
                active: nil, python: supply.python, architecture: architecture)
            try add(fetch, bytes, building: [], isWhole: false, to: &recipe)
            python = PythonRange(fetch.python)
        }
        return try finish(
            recipe, .requirements, python: python, source: wish.path ?? "setup", packages: nil)
    }

    func addSetup(_ wish: BuiltEnvironment, to recipe: inout RecipeTree) {
        guard !wish.setup.isEmpty else { return }
        recipe.add(Entry.setup, Array(wish.setup.map { $0 + "\n" }.joined().utf8))
    }

    /// A file as it is in the snapshot; in a dry run, which stores no tree, as it is in the
    /// directory.
    func file(_ path: String, called name: String) throws -> [UInt8] {
        let missing = ShuntError(
            .usage, "\(name) `\(path)` is not in the snapshot of `\(directory)`",
            hint: "ls -l \(Quoting.forShell(path)) .shuntignore")
        guard let store else {
            // Whatever keeps it from being read, the plan has no such file.
            guard let bytes = try? SmallFile.read(directory.appending(path), limit: Self.largest)
            else { throw missing }
            return bytes
        }
        guard case .file(let digest, let size, _)? = try TreeLookup.node(path, in: tree, store)
        else { throw missing }
        guard size <= Self.largest else {
            throw ShuntError(
                .usage,
                "\(name) `\(path)` has \(ByteCount(size)), and "
                    + "\(ByteCount(Int64(Self.largest))) is the limit",
                hint: "ls -l \(Quoting.forShell(path))")
        }
        return try store.readBytes(of: digest, limit: Self.largest)
    }

    /// Of a file that says what to install, in bytes. The agent has the same bound.
    private static let largest = 16 << 20

    func finish(
        _ recipe: RecipeTree, _ kind: EnvironmentRecipe.Kind, python: PythonRange?,
        source: String, packages: Int?, platform: String? = nil, importPaths: [String]? = nil
    ) throws -> EnvironmentRecipe {
        var recipe = recipe
        recipe.add(Entry.manifest, EnvironmentRecipe.manifest(kind: kind, python: python))
        return EnvironmentRecipe(
            kind: kind, tree: try recipe.insert(into: store), python: python, source: source,
            packages: packages, platform: platform, importPaths: importPaths)
    }
}
