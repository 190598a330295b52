internal import Glibc
internal import JobModel

/// What an engine can do on this machine for this account.
struct EngineAbilities: Hashable, Sendable {
    var limitsCPUs: Bool
    var limitsMemory: Bool
    var limitsSwap: Bool
    /// Of podman: where it keeps what it knows of containers; empty for others.
    var containers: String
    /// Of docker: its own ways to GPUs; podman's are looked for with each job.
    var gpus: GPUAccess?

    /// Asks the engine. Blocks.
    ///
    /// - Throws: ``ShuntError`` with the engine's words where it does not work at all.
    init(of engine: EngineCommand) throws {
        let format: String
        switch engine.engine {
        case .podman:
            format =
                "{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}} {{.Host.CgroupControllers}}"
                + "\n{{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-containers"
        case .docker:
            format = "false {{.CgroupVersion}} cpu={{.CPUCfsQuota}} memory={{.MemoryLimit}}"
        }
        let lines = try Self.ask(engine, format).split(separator: "\n")
        let words = (lines.first ?? "").split { " []".contains($0) }.map(String.init)
        // Without version 2 an account that is not root has no groups of its own.
        let mayLimit = !(words.contains("true") && words.contains("v1"))
        limitsCPUs = mayLimit && (words.contains("cpu") || words.contains("cpu=true"))
        limitsMemory = mayLimit && (words.contains("memory") || words.contains("memory=true"))
        limitsSwap =
            limitsMemory
            && (words.contains("v2")
                || access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0)
        containers = engine.engine == .podman && lines.count > 1 ? String(lines[1]) : ""
        switch engine.engine {
        case .podman: break
        case .docker: gpus = GPUAccess(dockerInfo: try Self.ask(engine, "{{json .}}"))
        }
    }

    private static func ask(_ engine: EngineCommand, _ format: String) throws -> String {
        let answer = try engine.run(["info", "--format", format], within: .minutes(2))
        guard answer.isSuccess else {
            // The client of docker fills the form in first, without what the daemon would say.
            let lines = answer.words.split(separator: "\n").filter { !$0.hasPrefix("false ") }
            throw ShuntError(
                .failed,
                "\(engine.engine.rawValue) does not work there: \(lines.joined(separator: "\n"))",
                hint: "\(engine.engine.rawValue) info")
        }
        return answer.text
    }
}
