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

    /// A virtual environment.
    init(virtual root: String) {
        programs = root + "/bin"
        variables = [Variable(name: "VIRTUAL_ENV", value: root)]
    }

    /// A conda environment.
    init(conda root: String) {
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
