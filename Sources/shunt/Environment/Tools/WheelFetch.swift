internal import ContentStore
internal import Glibc
internal import JobModel

/// Fetches wheels here for a worker that reaches no package index: its platform and its Python, not
/// ours. Blocks; `pip` keeps what it downloads in a cache of its own.
struct WheelFetch {
    /// An interpreter of this machine that has `pip`.
    let pip: String
    /// What the environment will be built with.
    let python: PythonVersion
    /// The worker's, as `uname -m` has it.
    let architecture: String

    /// Fetching may take long, building what has no wheel as well.
    private static let limitSeconds = 1800

    /// - Parameters:
    ///   - active: the environment that goes along, if one does: its own `pip` comes first.
    ///   - python: what is wanted; `nil` for the version of what is found, if it will do.
    ///   - range: the versions that will do; `nil` for any.
    /// - Throws: ``ShuntError`` where this machine has no `pip`.
    init(
        active: String?, python: PythonVersion?, within range: PythonRange? = nil,
        architecture: String
    ) throws {
        let candidates = (active.map { [$0 + "/bin/python"] } ?? []) + ["python3"]
        let question = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
        for candidate in candidates {
            // One that cannot be started is none that has `pip`.
            let answer = try? ToolProcess(arguments: [candidate, "-c", question]).run()
            guard let answer, answer.code == 0 else { continue }
            let text = String(decoding: answer.output.prefix { $0 != 10 }, as: UTF8.self)
            guard let version = PythonVersion(text) else { continue }
            pip = candidate
            let wanted = python ?? version
            self.python = range.map { $0.contains(wanted) ? wanted : $0.lowest } ?? wanted
            self.architecture = architecture
            return
        }
        throw ShuntError(
            .failed,
            "the worker's packages are fetched here as wheels, and no Python here has `pip`",
            hint: "python3 -m ensurepip --user")
    }

    /// - Parameters:
    ///   - requirements: what `pip` reads.
    ///   - built: what only can be built: directories, and requirements with an address.
    ///   - isWhole: nothing is needed but what is named.
    ///   - use: is given the directory with the wheels, which is removed afterwards.
    func fetch<Result>(
        _ requirements: [UInt8], building built: [String], isWhole: Bool,
        _ use: (_ directory: String, _ wheels: [String]) throws -> Result
    ) throws -> Result {
        try TemporaryFiles.with([("requirements.txt", requirements)]) { directory in
            let wheels = directory + "/wheels"
            guard mkdir(wheels, 0o700) == 0 else { throw Self.failure(wheels) }
            try fill(wheels, from: directory + "/requirements.txt", building: built, isWhole)
            let names = try Self.names(in: wheels).filter { $0.hasSuffix(".whl") }.sorted()
            try requireFitting(names)
            return try use(wheels, names)
        }
    }

    private func fill(
        _ wheels: String, from list: String, building built: [String], _ isWhole: Bool
    ) throws {
        for one in built { try run(["wheel", "--no-deps", "-w", wheels, one]) }
        var download = ["download", "--dest", wheels, "--only-binary=:all:"]
        for platform in platforms { download += ["--platform", platform] }
        download += ["--python-version", python.description, "--implementation", "cp"]
        download += ["--find-links", wheels] + (isWhole ? ["--no-deps"] : [])
        try run(download + ["-r", list])
    }

    /// The oldest kernel and C library that a worker may have run all of these.
    private var platforms: [String] {
        ["manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28", "linux"]
            .map { "\($0)_\(architecture)" }
    }

    /// What was built here fits machines like this one, unless it is of Python alone.
    private func requireFitting(_ names: [String]) throws {
        for name in names where !name.hasSuffix("-any.whl") {
            guard name.contains(architecture) else {
                throw ShuntError(
                    .refused, "`\(name)` was built here and does not run on \(architecture)",
                    hint: "shunt worker ls")
            }
        }
    }

    private func run(_ arguments: [String]) throws {
        let fixed = [
            "env", "SOURCE_DATE_EPOCH=315532800", pip, "-m", "pip",
            "--disable-pip-version-check", "--no-input", "-q",
        ]
        let answer = try ToolProcess(
            arguments: fixed + arguments, limitSeconds: Self.limitSeconds
        ).run()
        guard answer.code != 0 else { return }
        let words = answer.errors.split(separator: "\n").suffix(12).joined(separator: "\n")
        throw ShuntError(
            .failed, "wheels for Python \(python) on \(architecture) cannot be had:\n\(words)",
            hint: "\(pip) -m pip config list")
    }

    private static func names(in directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw failure(directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names
    }

    private static func failure(_ path: String) -> ShuntError {
        ShuntError(
            .failed, "cannot write `\(path)`: \(String(cString: strerror(errno)))",
            hint: "df -h /tmp")
    }
}
