internal import Glibc

/// What an environment means to the command that runs in it.
struct PreparedEnvironment: Hashable, Sendable {
    /// Comes first in `PATH`, whatever the job says.
    var programs: String?
    /// `NAME`, value; a job's own variables win over them.
    var variables: [Variable]

    /// One variable of the environment.
    struct Variable: Hashable, Sendable {
        var name: String
        var value: String
    }

    /// Whether it was there before, so that what is in it is worth writing down.
    var isFound = false

    /// Whether a directory holds a conda environment.
    static func isOfConda(_ root: String) -> Bool { access(root + "/conda-meta", F_OK) == 0 }

    /// What the directory holds: a conda environment, or a virtual one.
    init(at root: String) {
        self = Self.isOfConda(root) ? Self(conda: root) : Self(virtual: root)
    }

    /// A virtual environment.
    private init(virtual root: String) {
        programs = root + "/bin"
        variables = [Variable(name: "VIRTUAL_ENV", value: root)]
    }

    /// A conda environment.
    private init(conda root: String) {
        let name = String(root.split(separator: "/").last ?? "")
        programs = root + "/bin"
        variables = [
            Variable(name: "CONDA_PREFIX", value: root),
            Variable(name: "CONDA_DEFAULT_ENV", value: name),
        ]
    }

    /// What a shell had after a `module load` line, its `PATH` among it.
    init(variables: [Variable]) {
        self.variables = variables
    }
}
