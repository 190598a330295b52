/// What flags and job file say about a job's environment.
enum EnvironmentWish: Hashable {
    /// Nothing: the environment that is active here goes along, if there is one.
    case unsaid
    /// The environment that is active here, and none instead of it.
    case active
    /// None is wanted.
    case none
    /// What the worker has under this name or path.
    case existing(String)
    case built(BuiltEnvironment)

    /// Whether what goes with the job may depend on what its worker has.
    var mayDependOnWorker: Bool {
        switch self {
        case .none, .existing: false
        case .unsaid, .active: ActiveEnvironment.root != nil
        case .built(let wish): wish.path != nil
        }
    }
}

/// An environment that is built from files of the job's directory.
struct BuiltEnvironment: Hashable {
    /// A requirements file, or a `uv.lock` or `pyproject.toml` with the other one beside it;
    /// relative to the snapshot's root.
    var path: String?
    /// An `environment.yml` of conda's, in place of the other; likewise relative.
    var conda: String?
    /// Lines of a shell script that runs last.
    var setup: [String] = []

    /// Whether the path names a project of `uv`.
    var isProject: Bool {
        let name = path?.split(separator: "/").last
        return name == "uv.lock" || name == "pyproject.toml"
    }
}
