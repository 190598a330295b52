/// What flags and job file say about a job's environment.
enum EnvironmentWish: Hashable {
    /// Nothing: the environment that is active here goes along, if there is one.
    case unsaid
    /// None is wanted.
    case none
    /// What the worker has under this name or path.
    case existing(String)
    case built(BuiltEnvironment)
}

/// An environment that is built from files of the job's directory.
struct BuiltEnvironment: Hashable {
    /// A requirements file, or a `uv.lock` or `pyproject.toml` with the other one beside it;
    /// relative to the snapshot's root.
    var path: String?
    /// Lines of a shell script that runs last.
    var setup: [String] = []

    /// Whether the path names a project of `uv`.
    var isProject: Bool {
        let name = path?.split(separator: "/").last
        return name == "uv.lock" || name == "pyproject.toml"
    }
}
