internal import JobModel

/// What the probe of a worker's machine found.
struct WorkerProbe: Hashable, Sendable {
    var facts: WorkerFacts
    /// The agent's directory, absolute, without links in it once it exists.
    var directory: String
    /// Why the directory cannot be made or written to.
    var directoryError: String?
    var isDirectoryMissing = false
    /// Programs in the directory cannot be executed.
    var isNoExec = false
    /// The account that the directory belongs to, and the one that asked.
    var owner: String?
    var userID = ""
    var agent: Agent = .missing
    /// Some agent is installed there.
    var isInstalled = false
    /// Of the agent that serves there, whichever it is.
    var installedRelease: String?
    var installedAgent: AgentID?
    /// Something in the directory that is no agent's.
    var stranger: String?
    /// The agent's directory in which this one lies.
    var enclosing: String?
    /// Accounts other than its owner may write to the directory.
    var isOpenToOthers = false
    /// Bytes that came before the script's own words.
    var bannerLength = 0
    var hasGzip = false
    var hasDigestTool = false
    var hasCrontab = false

    /// Whether the agent of this release is there.
    enum Agent: Hashable, Sendable {
        case present
        case damaged
        case missing
    }

    /// - Parameter output: of ``ProbeScript``.
    /// - Returns: `nil` where the script did not come to its end.
    init?(_ output: [UInt8]) {
        var values: [String: [String]] = [:]
        for line in String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline) {
            // Start-up files may have begun a line.
            guard let mark = line.firstRange(of: ProbeScript.mark) else { continue }
            let rest = line[mark.upperBound...]
            guard let equals = rest.firstIndex(of: "=") else { continue }
            values[String(rest[..<equals]), default: []].append(
                String(rest[rest.index(after: equals)...]).trimmingSpaces)
        }
        func first(_ key: String) -> String? { values[key]?.last.flatMap { $0.isEmpty ? nil : $0 } }
        guard first("end") != nil, let directory = first("directory") else { return nil }
        self.directory = directory
        facts = WorkerFacts(
            platform: Platform(
                system: first("system")?.lowercased() ?? "",
                architecture: first("architecture") ?? "",
                kernel: first("kernel") ?? "", hostName: first("host") ?? ""),
            userName: first("user") ?? "")
        facts.shell = first("shell")
        facts.cpus = first("cpus").flatMap { Int($0) }
        facts.memory = first("memory_kib").flatMap(Self.kibibytes)
        facts.disk = first("free_kib").flatMap(Self.kibibytes)
            .map { WorkerFacts.Disk(free: $0, fileSystem: first("file_system")) }
        facts.python = first("python").map { WorkerFacts.Tool(name: "python3", version: $0) }
        facts.hasVenv = first("venv") != nil
        facts.uv = first("uv").map(Self.tool)
        facts.conda = first("conda").flatMap(Self.engine)
        facts.reachesOut = first("reaches_out").map { $0 == "1" }
        facts.engines = (values["engine"] ?? []).compactMap(Self.engine)
        let silent = (values["silent_engine"] ?? []).compactMap(Self.engine)
        facts.silentEngines = silent.isEmpty ? nil : silent
        facts.cgroup = first("cgroup").flatMap { WorkerFacts.CgroupRights(rawValue: $0) } ?? .none
        let gpus = (values["gpu"] ?? []).compactMap(Self.gpu)
        facts.gpus = gpus.map(\.gpu)
        facts.gpuDriver = gpus.first?.driver
        directoryError = first("directory_error")
        isDirectoryMissing = first("missing") != nil
        isNoExec = first("noexec") != nil
        owner = first("owner")
        userID = first("uid") ?? ""
        isInstalled = first("installed") != nil
        installedAgent = first("agent_id").flatMap { AgentID($0) }
        stranger = first("occupied")
        enclosing = first("inside")
        isOpenToOthers = first("open_to_others") != nil
        installedRelease = first("agent_release")?.split(separator: " ").last.map(String.init)
        hasGzip = first("gzip") != nil
        hasDigestTool = first("sha256sum") != nil
        hasCrontab = first("crontab") != nil
        switch first("agent") {
        case "present": agent = .present
        case "damaged": agent = .damaged
        default: agent = .missing
        }
    }

    private static func kibibytes(_ text: String) -> ByteCount? {
        guard let count = Int64(text), count >= 0, count < 1 << 50 else { return nil }
        return ByteCount(count << 10)
    }

    /// `uv 0.4.18 (…)`: the second word.
    private static func tool(_ text: String) -> WorkerFacts.Tool {
        let words = text.split(separator: " ")
        return WorkerFacts.Tool(
            name: words.first.map(String.init) ?? text,
            version: words.count > 1 ? String(words[1]) : "")
    }

    /// `podman podman version 4.3.1`: what it is called, and the first word with a digit.
    private static func engine(_ text: String) -> WorkerFacts.Tool? {
        let words = text.split(separator: " ")
        guard let name = words.first,
            let version = words.dropFirst().first(where: { $0.first?.isNumber ?? false })
        else { return nil }
        return WorkerFacts.Tool(
            name: String(name), version: String(version.filter { $0 != "," }))
    }

    /// `NVIDIA A100-SXM4-80GB, GPU-…, 81920, 550.54.15`, memory in MiB.
    static func gpu(_ line: String) -> (gpu: WorkerFacts.GPU, driver: String?)? {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            .map { String($0).trimmingSpaces }
        guard fields.count >= 4, fields[1].hasPrefix("GPU-") else { return nil }
        // Some boards share their memory with the CPU and say `[N/A]`.
        let memory = Int64(fields[2]).map { ByteCount.mebibytes($0) } ?? .zero
        return (
            WorkerFacts.GPU(name: fields[0], uuid: fields[1], memory: memory),
            fields[3].isEmpty ? nil : fields[3]
        )
    }
}
