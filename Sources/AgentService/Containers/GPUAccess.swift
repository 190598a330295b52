internal import CLinux
internal import Glibc
internal import JobModel

/// How a container is given GPUs of the machine. Without any there, or with no way to give them,
/// it has none.
struct GPUAccess: Hashable, Sendable {
    var way: ContainerGPUs
    /// UUIDs, or all of them.
    var devices = ["all"]

    init(_ way: ContainerGPUs) { self.way = way }

    /// The kind under which NVIDIA's devices stand in specifications.
    static let kind = "nvidia.com/gpu"
    /// Where specifications of devices for containers lie, and podman looks for them.
    static let directories = ["/etc/cdi", "/var/run/cdi"]

    /// What `docker info` says of runtimes and devices.
    init(dockerInfo text: String) {
        if text.contains("\"nvidia\":") {
            self.init(.gpus)
        } else {
            self.init(text.contains(Self.kind + "=") ? .cdi : .none)
        }
    }

    /// What there is now: drivers come and go while an agent runs.
    static func specified(in directories: [String] = directories) -> GPUAccess {
        for directory in directories {
            // Most machines have no such directory.
            guard let opened = try? OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY),
                // One that cannot be read is none that an engine could use.
                let names = try? opened.names()
            else { continue }
            for name in names where [".json", ".yaml"].contains(where: name.hasSuffix) {
                let text = SmallFile.text(directory + "/" + name) ?? ""
                if isOfGPUs(text) { return GPUAccess(.cdi) }
            }
        }
        return GPUAccess(.none)
    }

    /// Whether a specification is of NVIDIA's devices and has one that stands for all, in JSON or
    /// in YAML.
    private static func isOfGPUs(_ text: String) -> Bool {
        let values = text.split { "\n,{}[]".contains($0) }.map { line in
            line.filter { !" \t\r\"'-".contains($0) }
        }
        return values.contains("kind:" + kind) && values.contains("name:all")
    }

    var flags: [String] {
        switch way {
        case .cdi: devices.flatMap { ["--device", "\(Self.kind)=\($0)"] }
        case .gpus:
            devices == ["all"]
                ? ["--gpus", "all"]
                : ["--gpus", "\"device=\(devices.joined(separator: ","))\""]
        case .none: []
        }
    }
}
