internal import Glibc
internal import JobModel

/// The environment of a task's command: what a login would give, what Shunt tells, and what the
/// job asks for, the later ones winning; `PATH` begins with the programs of the job's environment
/// in any case.
struct TaskVariables {
    private var values: [(name: String, value: String)] = []

    /// Taken over from the agent's own environment, where they are set.
    private static let inherited = [
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR",
        "XDG_CACHE_HOME", "LD_LIBRARY_PATH", "CUDA_HOME",
    ]

    init(order: StartOrder, root: String, environment: PreparedEnvironment?) {
        // In a container they would speak of another machine: there the image has the word.
        if order.spec.container == nil {
            for name in Self.inherited {
                if let value = getenv(name) { set(name, String(cString: value)) }
            }
            if getenv("PATH") == nil { set("PATH", ExecutableSearch.standardPath) }
        }
        set("PYTHONUNBUFFERED", "1")
        set("SHUNT_JOB_ID", order.token.task.job.text)
        set("SHUNT_ATTEMPT", String(order.token.task.attempt.number))
        set("SHUNT_NODE_RANK", String(order.token.task.rank))
        set("SHUNT_NUM_NODES", String(order.nodeCount))
        set("SHUNT_JOB_DIR", root)
        if let name = order.spec.name { set("SHUNT_JOB_NAME", name.text) }
        if let git = order.git {
            set("SHUNT_GIT_COMMIT", git.commit)
            set("SHUNT_GIT_DIRTY", git.dirty ? "1" : "0")
            if let branch = git.branch { set("SHUNT_GIT_BRANCH", branch) }
        }
        for variable in environment?.variables ?? [] { set(variable.name, variable.value) }
        for variable in order.spec.environment { set(variable.name, variable.value) }
        // After them: a job that sets `PATH` still runs in the environment that it asked for.
        if let programs = environment?.programs {
            let path = values.last { $0.name == "PATH" }?.value ?? ExecutableSearch.standardPath
            set("PATH", programs + ":" + path)
        }
        let imports = order.spec.software?.recipe?.importPaths ?? []
        if !imports.isEmpty {
            let paths = imports.map { $0 == "." ? root : root + "/" + $0 }
            set("SHUNT_IMPORT_PATHS", paths.joined(separator: ":"))
        }
    }

    /// Each secret is a file there, and a variable that init sets from it: its value is no part of
    /// the plan.
    mutating func tell(ofSecretsIn directory: String) { set("SHUNT_SECRETS", directory) }

    private mutating func set(_ name: String, _ value: String) {
        values.removeAll { $0.name == name }
        values.append((name, value))
    }

    /// `NAME=VALUE`, each name once.
    var all: [[UInt8]] { values.map { Array("\($0.name)=\($0.value)".utf8) } }
}
