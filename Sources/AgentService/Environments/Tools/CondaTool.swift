internal import Glibc
internal import JobModel

/// A program that builds conda environments: micromamba, mamba or conda, the faster one first.
/// Blocks for moments.
struct CondaTool: Hashable, Sendable {
    /// Absolute.
    var path: String
    var name: Name

    /// As they are called, the preferred one first.
    enum Name: String, Sendable, CaseIterable {
        case micromamba
        case mamba
        case conda
    }

    /// Where their installers put them, below the home or not. Few have them in the `PATH` of a
    /// shell that nobody logs in to.
    private static let places = [
        "miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".local",
        "/opt/conda", "/opt/miniforge3", "/opt/miniconda3", "/opt/anaconda3",
    ]

    /// - Returns: `nil` where this account has none of them.
    static func find() -> CondaTool? {
        let told = ["MAMBA_EXE", "CONDA_EXE"].compactMap { (variable: String) -> String? in
            getenv(variable).map { String(cString: $0) }
        }
        let home = getenv("HOME").map { String(cString: $0) } ?? "/"
        for name in Name.allCases {
            let program = "/" + name.rawValue
            var candidates = told.filter { $0.hasSuffix(program) }
            if let path = ExecutableSearch.find(name.rawValue) { candidates.append(path) }
            for place in places {
                let root = place.hasPrefix("/") ? place : home + "/" + place
                candidates.append(root + "/bin" + program)
            }
            if let path = candidates.first(where: { access($0, X_OK) == 0 }) {
                return CondaTool(path: path, name: name)
            }
        }
        return nil
    }

    static func required() throws -> CondaTool {
        if let tool = find() { return tool }
        throw ShuntError(
            .notFound,
            "there is no micromamba, mamba or conda on this worker, and the job's environment is "
                + "one of conda's",
            hint: "command -v micromamba mamba conda")
    }

    /// What its packages are for on this machine, as conda calls it.
    static func platform(of machine: Platform) -> String {
        machine.architecture == "x86_64" ? "linux-64" : "linux-" + machine.architecture
    }

    /// The command that makes an environment at a path where there is nothing yet.
    ///
    /// - Parameter file: an `environment.yml`, or a list of addresses.
    func creation(of target: String, from file: String) -> [String] {
        let isList = !file.hasSuffix(".yml")
        // micromamba reads either with one command.
        let command = isList || name == .micromamba ? ["create", "--yes"] : ["env", "create"]
        return [path] + command + ["--quiet", "--prefix", target, "--file", file]
    }

    /// An environment shares no file with the cache of packages, in which others would be changed
    /// with it; nobody is asked anything; and what a person has installed for themselves is no part
    /// of it.
    static let settings = [
        "CONDA_ALWAYS_COPY=true", "MAMBA_ALWAYS_COPY=true", "CONDA_ALWAYS_YES=true",
        "MAMBA_ALWAYS_YES=true", "PIP_NO_INPUT=1", "PYTHONNOUSERSITE=1",
    ]
}
