internal import Glibc
internal import JobModel

/// The command lines that run one task in a container. The client of the engine only starts it:
/// what the command writes, and how it ends, goes from init into the task's directory, which stands
/// at the same path inside.
struct ContainerCommand {
    let engine: EngineCommand
    /// Of the task; the container is called after it.
    let name: String
    let token: String
    /// The image's ID: what a name stands for can change at any time.
    let image: String
    /// The task's, absolute.
    let directory: String
    /// Where the task's secrets are; `nil` where it has none.
    let secretsDirectory: String?
    let initExecutable: String
    /// What the whole tree may use; `nil` for no limit.
    let memoryLimit: ByteCount?
    /// Thousandths of a CPU.
    let cpuLimit: Int64?
    let sharedMemory: ByteCount?
    /// What of the machine is to be found read-only at a path.
    let mounts: [(source: String, target: String)]
    let abilities: EngineAbilities
    let gpus: GPUAccess

    /// The label under which an engine knows the containers of tasks.
    static let label = "shunt.task"
    /// Where a container has its init.
    static let initPath = "/shunt-init"

    static func containerName(_ task: String) -> String { "shunt-" + task }

    /// - Throws: ``ShuntError`` for a path that no mount can name.
    func commands() throws(ShuntError) -> EngineCommands {
        var start = [
            "run", "--detach", "--rm", "--name", Self.containerName(name),
            "--label", "\(Self.label)=\(token)", "--pull=never", "--network=host",
            "--log-driver=none", "--no-healthcheck", "--security-opt", "label=disable",
            "--user", user, "--workdir", "/", "--entrypoint", Self.initPath,
            "--env", "\(LaunchPlan.tokenVariable)=\(token)",
            "--mount", try mount(initExecutable, at: Self.initPath) + ",readonly",
            "--mount", try mount(directory, at: directory),
        ]
        if let secretsDirectory {
            start += [
                "--mount", try mount(secretsDirectory, at: secretsDirectory) + ",readonly",
            ]
        }
        for (source, target) in mounts {
            start += ["--mount", try mount(source, at: target) + ",readonly"]
        }
        if let cpuLimit, abilities.limitsCPUs {
            start += ["--cpus", Self.decimal(max(cpuLimit, Self.leastCPULimit))]
        }
        if let memoryLimit, abilities.limitsMemory {
            start += ["--memory", "\(memoryLimit.bytes)b"]
            // The same: no swap beside it.
            if abilities.limitsSwap { start += ["--memory-swap", "\(memoryLimit.bytes)b"] }
        }
        start += gpus.flags
        if let sharedMemory { start += ["--shm-size", "\(sharedMemory.bytes)b"] }
        return EngineCommands(
            start: engine.words(start + [image, directory]),
            remove: engine.words(
                ["rm", "--force", "--volumes"] + removal + [Self.containerName(name)]),
            environment: EngineCommand.environment() + ["\(LaunchPlan.tokenVariable)=\(token)"],
            enforcesMemory: memoryLimit.map { _ in abilities.limitsMemory },
            enforcesCPU: cpuLimit.map { _ in abilities.limitsCPUs })
    }

    /// What is written belongs to the account: in podman, root inside is the account outside; the
    /// engine of docker is root itself.
    private var user: String {
        switch engine.engine {
        case .podman: "0:0"
        case .docker: "\(geteuid()):\(getegid())"
        }
    }

    private var removal: [String] {
        switch engine.engine {
        case .podman: ["--ignore", "--time", "0"]
        case .docker: []
        }
    }

    private func mount(_ source: String, at target: String) throws(ShuntError) -> String {
        let odd = [source, target].first { $0.utf8.contains { ",\"".utf8.contains($0) } }
        if let odd {
            throw ShuntError(
                .failed,
                "`\(odd)` has a comma or a quote in its name, and no container can be given "
                    + "such a path",
                hint: "shunt worker add --help")
        }
        return "type=bind,source=\(source),destination=\(target)"
    }

    /// In thousandths of a CPU. The kernel takes no quota below a millisecond, and engines give one
    /// for each 100 ms.
    private static let leastCPULimit: Int64 = 10

    /// `0.5`, `2.0`.
    private static func decimal(_ thousandths: Int64) -> String {
        let fraction = String(1000 + thousandths % 1000).dropFirst()
        return "\(thousandths / 1000).\(fraction)"
    }
}
