internal import JobModel

/// What a worker can do, for people: one table, with what was found missing at its end.
enum WorkerReport {
    static func render(_ worker: WorkerView) -> String {
        var rows: [(String, String)] = [("worker", worker.name.text)]
        if let address = worker.address {
            rows.append(("address", "\(address) (\(address.transport.rawValue))"))
        }
        rows.append(("link", Quoting.visible(worker.link)))
        if let release = worker.release { rows.append(("agent", Quoting.visible(release))) }
        if !worker.labels.isEmpty {
            rows.append(("labels", worker.labels.map(\.description).joined(separator: ", ")))
        }
        if let facts = worker.facts { rows += self.rows(facts, worker.directory) }
        for (index, missing) in Self.missing(worker.facts).enumerated() {
            rows.append((index == 0 ? "missing" : "", missing))
        }
        return TextTable.pairs(rows)
    }

    private static func rows(
        _ facts: WorkerFacts, _ directory: String
    ) -> [(String, String)] {
        let platform = facts.platform
        var rows: [(String, String)] = [
            (
                "platform",
                "\(platform.system) \(platform.architecture), kernel \(platform.kernel), "
                    + "\(platform.hostName)"
            ),
            ("account", facts.userName + suffix(facts.shell, "shell ")),
            ("cpus", facts.cpus.map(String.init) ?? "unknown"),
            ("memory", facts.memory.map { "\($0)" } ?? "unknown"),
            ("directory", directory + suffix(facts.disk.map(disk))),
            ("gpus", gpus(facts)),
            ("python", python(facts)),
            ("uv", facts.uv?.version ?? "none"),
            ("conda", facts.conda.map { "\($0.name) \($0.version)" } ?? "none"),
            ("packages", packages(facts)),
            ("containers", engines(facts)),
            ("cgroup", facts.cgroup.rawValue),
        ]
        rows.append(
            (
                "after a reboot",
                facts.bootStart == .none
                    ? "the next connection starts the agent"
                    : "\(facts.bootStart.rawValue) starts the agent"
            ))
        return rows.map { ($0.0, Quoting.visible($0.1)) }
    }

    private static func suffix(_ text: String?, _ label: String = "") -> String {
        text.map { ", " + label + $0 } ?? ""
    }

    private static func python(_ facts: WorkerFacts) -> String {
        guard let python = facts.python else { return "none" }
        return python.version + (facts.hasVenv ? ", venv" : "")
    }

    static func packages(_ facts: WorkerFacts) -> String {
        switch facts.reachesOut {
        case true?: "fetched there"
        case false?: "fetched here, since it has no route to a package index"
        case nil: "unknown"
        }
    }

    static func engines(_ facts: WorkerFacts) -> String {
        let silent = (facts.silentEngines ?? []).map {
            "\($0.name) \($0.version), whose daemon does not answer"
        }
        let all = facts.engines.map { "\($0.name) \($0.version)" } + silent
        return all.isEmpty ? "none" : all.joined(separator: ", ")
    }

    private static func disk(_ disk: WorkerFacts.Disk) -> String {
        "\(disk.free) free" + (disk.fileSystem.map { " on \($0)" } ?? "")
    }

    private static func gpus(_ facts: WorkerFacts) -> String {
        guard !facts.gpus.isEmpty else { return "none" }
        var kinds: [(text: String, count: Int)] = []
        for gpu in facts.gpus {
            let text = gpu.name + (gpu.memory == .zero ? "" : ", \(gpu.memory)")
            if let index = kinds.firstIndex(where: { $0.text == text }) {
                kinds[index].count += 1
            } else {
                kinds.append((text, 1))
            }
        }
        let list = kinds.map { "\($0.count) × \($0.text)" }.joined(separator: "; ")
        return list + (facts.gpuDriver.map { " (driver \($0))" } ?? "")
    }

    /// What jobs may want and the machine lacks.
    static func missing(_ facts: WorkerFacts?) -> [String] {
        guard let facts else { return [] }
        var list: [String] = []
        if facts.python == nil, facts.uv == nil {
            list.append("Python: jobs with `environment.python` fail there")
        } else if facts.uv == nil, !facts.hasVenv {
            list.append("Python's venv: jobs with `environment.python` fail there")
        }
        if facts.cgroup == .none {
            list.append("control groups of its own: a job's tree is ended by a sweep")
        }
        if let system = facts.disk?.fileSystem, ["nfs", "nfs4", "smb2", "lustre"].contains(system) {
            list.append("a local disk: the agent's directory is on \(system), and `--dir` moves it")
        }
        return list
    }
}
