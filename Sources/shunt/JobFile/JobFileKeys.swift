/// The keys of a job file, and what to say about those that are none.
enum JobFileKeys {
    /// A mapping of the file, by the key that holds it.
    enum Section: String, CaseIterable {
        case top = ""
        case resources
        case environment
        /// The top of an inventory file.
        case inventory
        /// One worker of it.
        case worker
        /// What lies there.
        case dataset

        /// How messages call it.
        var title: String {
            switch self {
            case .top: "a job file"
            case .inventory: "an inventory"
            case .worker: "a worker"
            case .dataset: "a dataset"
            case .resources, .environment: "`\(rawValue)`"
            }
        }

        /// Whether it belongs to an inventory rather than to a job file.
        var isOfInventory: Bool { [.inventory, .worker, .dataset].contains(self) }

        var keys: [String] {
            switch self {
            case .top:
                [
                    "name", "run", "workdir", "env", "resources", "environment", "outputs",
                    "max_duration", "on", "pull_limit", "image", "mounts", "labels", "secrets",
                    "nodes",
                    "nodes_per_worker", "processes_per_node", "launch", "outputs_from", "priority",
                    "needs",
                ]
            case .resources: ["cpus", "memory", "shm_size"]
            case .environment: ["python", "conda", "existing", "setup", "capture", "offline"]
            case .inventory: ["workers"]
            case .worker: ["host", "dir", "transport", "host_key", "labels", "data"]
            case .dataset: ["path", "labels"]
            }
        }

        /// Keys of jobs elsewhere that mean something which shunt does not do: ignoring one would
        /// run another job than the one that was asked for.
        var unsupported: Set<String> {
            switch self {
            case .top:
                [
                    "gpus", "gpu", "container", "docker", "retries",
                    "retry", "schedule", "inputs", "artifacts", "ports",
                    "volumes", "array", "queue", "user", "preemptible",
                    "on_unreachable", "restart", "services", "grace_period",
                ]
            case .resources: ["gpus", "gpu", "accelerators", "disk", "shm"]
            case .environment:
                ["container", "image", "docker", "poetry", "apt", "node", "r"]
            case .inventory: ["defaults", "groups"]
            case .worker: ["password", "slots"]
            case .dataset: []
            }
        }

        /// How a key is called in full: `resources.cpus`.
        func path(of key: String) -> String {
            switch self {
            case .top, .inventory, .worker, .dataset: key
            case .resources, .environment: rawValue + "." + key
            }
        }
    }

    /// Words of other tools for keys of ours.
    private static let synonyms: [String: String] = [
        "command": "run", "cmd": "run", "script": "run", "entrypoint": "run", "args": "run",
        "exec": "run",
        "cwd": "workdir", "dir": "workdir", "directory": "workdir", "working_dir": "workdir",
        "working_directory": "workdir",
        "secret": "secrets", "envs": "env", "variables": "env", "vars": "env", "environ": "env",
        "cpu": "resources.cpus", "mem": "resources.memory", "ram": "resources.memory",
        "requirements": "environment.python", "pip": "environment.python",
        "virtualenv": "environment.python", "venv": "environment.python",
        "output": "outputs", "results": "outputs",
        "timeout": "max_duration", "time_limit": "max_duration", "walltime": "max_duration",
        "max_time": "max_duration", "duration": "max_duration",
        "worker": "on", "host": "on", "target": "on", "machine": "on",
        "datasets": "mounts", "data": "mounts",
        "job": "name", "title": "name", "docker_image": "image", "container_image": "image",
        "num_nodes": "nodes", "nnodes": "nodes", "replicas": "nodes", "num_workers": "nodes",
        "nproc_per_node": "processes_per_node", "ntasks_per_node": "processes_per_node",
        "depends_on": "needs", "after": "needs", "dependencies": "needs", "launcher": "launch",
        "distributed": "launch",
        "setup": "environment.setup", "uv": "environment.python",
        "mamba": "environment.conda", "micromamba": "environment.conda",
    ]

    /// The key that somebody meant who wrote `key` in a section, as a path.
    static func suggestion(for key: String, in section: Section) -> String? {
        if let near = EditDistance.nearest(to: key, among: section.keys) {
            return section.path(of: near)
        }
        let word = key.lowercased().split(separator: "-").joined(separator: "_")
        if section.isOfInventory { return nil }
        if let synonym = synonyms[word] { return synonym }
        for other in Section.allCases where other != section && !other.isOfInventory {
            if let near = EditDistance.nearest(to: key, among: other.keys) {
                return other.path(of: near)
            }
        }
        return nil
    }
}
