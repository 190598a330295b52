/// What a probe found on a worker's machine: what it can do, and what it lacks. A fact that could
/// not be found out is `nil`; nothing is guessed.
package struct WorkerFacts: Hashable, Sendable, Codable {
    package var platform: Platform
    package var userName: String
    /// The login shell, as the account database has it.
    package var shell: String?
    package var cpus: Int?
    package var memory: ByteCount?
    package var disk: Disk?
    package var gpus: [GPU] = []
    /// The version of NVIDIA's driver, where `nvidia-smi` says one.
    package var gpuDriver: String?
    /// `python3`, with its version.
    package var python: Tool?
    /// Whether `python3` can make virtual environments.
    package var hasVenv = false
    package var uv: Tool?
    /// What builds conda environments.
    package var conda: Tool?
    /// Whether there is a way out to an index of packages: a route to other networks, a proxy, or
    /// an index that somebody has configured.
    package var reachesOut: Bool?
    /// podman, docker, apptainer, as far as they answer.
    package var engines: [Tool] = []
    /// Clients whose daemon does not answer.
    package var silentEngines: [Tool]?
    package var cgroup: CgroupRights = .none
    /// What starts the agent after a reboot.
    package var bootStart: BootStart = .none

    package init(platform: Platform, userName: String) {
        self.platform = platform
        self.userName = userName
    }

    /// The file system of the agent's directory.
    package struct Disk: Hashable, Sendable, Codable {
        package var free: ByteCount
        /// As `df` or `stat -f` names it: `ext2/ext3`, `nfs`.
        package var fileSystem: String?

        package init(free: ByteCount, fileSystem: String?) {
            self.free = free
            self.fileSystem = fileSystem
        }

        enum CodingKeys: String, CodingKey {
            case free = "free_bytes"
            case fileSystem = "file_system"
        }
    }

    /// A device as `nvidia-smi` lists it.
    package struct GPU: Hashable, Sendable, Codable {
        package var name: String
        package var uuid: String
        package var memory: ByteCount

        package init(name: String, uuid: String, memory: ByteCount) {
            self.name = name
            self.uuid = uuid
            self.memory = memory
        }

        enum CodingKeys: String, CodingKey {
            case name
            case uuid
            case memory = "memory_bytes"
        }
    }

    /// A program and what it calls its version.
    package struct Tool: Hashable, Sendable, Codable {
        package var name: String
        package var version: String

        package init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// Where the account may make control groups, by which a job's whole tree can be ended.
    package enum CgroupRights: String, Sendable, Codable, CaseIterable {
        case v2
        case v1
        case none
    }

    /// What starts the agent when the machine comes up. Without it the next connection does.
    package enum BootStart: String, Sendable, Codable, CaseIterable {
        case systemd
        case cron
        case none
    }

    enum CodingKeys: String, CodingKey {
        case platform
        case userName = "user"
        case shell
        case cpus
        case memory = "memory_bytes"
        case disk
        case gpus
        case gpuDriver = "gpu_driver"
        case python
        case hasVenv = "has_venv"
        case uv
        case conda
        case reachesOut = "reaches_out"
        case engines
        case silentEngines = "silent_engines"
        case cgroup
        case bootStart = "boot_start"
    }
}
