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
    let initExecutable: String
    /// What the whole tree may use; `nil` for no limit.
    let memoryLimit: ByteCount?
    /// Thousandths of a CPU.
    let cpuLimit: Int64?
    let sharedMemory: ByteCount?
    /// What of the machine is to be found read-only at a path.
    let mounts: [(source: String, target: String)]
    let abilities: EngineAbilities

    /// The label under which an engine knows the containers of tasks.
    static let label = "shunt.task"

    static func containerName(_ task: String) -> String { "shunt-" + task }

    /// - Throws: ``ShuntError`` for a path that no mount can name.
    func commands() throws(ShuntError) -> EngineCommands {
        var start = [
            "run", "--detach", "--rm", "--name", Self.containerName(name),
            "--label", "\(Self.label)=\(token)", "--pull=never", "--network=host",
            "--log-driver=none", "--no-healthcheck", "--security-opt", "label=disable",
            "--user", user, "--workdir", "/", "--entrypoint", "/shunt-init",
            "--env", "\(LaunchPlan.tokenVariable)=\(token)",
            "--mount", try mount(initExecutable, at: "/shunt-init") + ",readonly",
            "--mount", try mount(directory, at: directory),
        ]
        for (source, target) in mounts {
            start += ["--mount", try mount(source, at: target) + ",readonly"]
        }
        if let cpuLimit, abilities.limitsCPUs { start += ["--cpus", Self.decimal(cpuLimit)] }
        if let memoryLimit, abilities.limitsMemory {
            start += ["--memory", "\(memoryLimit.bytes)b"]
            // The same: no swap beside it.
            if abilities.limitsSwap { start += ["--memory-swap", "\(memoryLimit.bytes)b"] }
        }
        if let sharedMemory { start += ["--shm-size", "\(sharedMemory.bytes)b"] }
        return EngineCommands(
            start: engine.words(start + [image, directory]),
            remove: engine.words(
                ["rm", "--force"] + removal + [Self.containerName(name)]),
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
        guard !(source + target).utf8.contains(where: { ",\"".utf8.contains($0) })
        else {
            throw ShuntError(
                .failed,
                "`\(source)` has a comma or a quote in its name, and no container can be given "
                    + "such a path",
                hint: "shunt worker add --help")
        }
        return "type=bind,source=\(source),destination=\(target)"
    }

    /// `0.5`, `2.0`.
    private static func decimal(_ thousandths: Int64) -> String {
        let fraction = String(1000 + thousandths % 1000).dropFirst()
        return "\(thousandths / 1000).\(fraction)"
    }
}

/// Which limits an engine keeps on this machine for this account.
struct EngineAbilities: Hashable, Sendable {
    var limitsCPUs: Bool
    var limitsMemory: Bool
    var limitsSwap: Bool

    /// Asks the engine. Blocks.
    ///
    /// - Throws: ``ShuntError`` with the engine's words where it does not work at all.
    init(of engine: EngineCommand) throws {
        let format: String
        switch engine.engine {
        case .podman:
            format =
                "{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}} {{.Host.CgroupControllers}}"
        case .docker:
            format = "false {{.CgroupVersion}} cpu={{.CPUCfsQuota}} memory={{.MemoryLimit}}"
        }
        let answer = try engine.run(["info", "--format", format], within: .minutes(2))
        guard answer.isSuccess else {
            throw ShuntError(
                .failed, "\(engine.engine.rawValue) does not work there: \(answer.words)",
                hint: "\(engine.engine.rawValue) info")
        }
        let words = answer.text.split { " []\n".contains($0) }.map(String.init)
        // Without version 2 an account that is not root has no groups of its own.
        let mayLimit = !(words.contains("true") && words.contains("v1"))
        limitsCPUs = mayLimit && (words.contains("cpu") || words.contains("cpu=true"))
        limitsMemory = mayLimit && (words.contains("memory") || words.contains("memory=true"))
        limitsSwap =
            limitsMemory
            && (words.contains("v2")
                || access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0)
    }
}
