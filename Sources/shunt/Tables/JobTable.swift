internal import JobModel

/// `shunt ps`: a line for each job.
enum JobTable {
    /// - Parameters:
    ///   - now: what ages are counted to.
    ///   - width: columns of the terminal; `nil` for whole lines.
    static func render(_ jobs: [JobView], isWide: Bool, now: WallTime, width: Int?) -> String {
        var header = ["ID", "NAME", "STATE", "WORKER", "AGE", "DURATION"]
        if isWide { header += ["CODE", "CPUS", "MEMORY", "SENT", "OUTPUTS", "DIRECTORY"] }
        header.append("COMMAND")
        let rows = jobs.map { job in
            var row = [
                job.id.text, job.name?.text ?? "-", state(job), workers(job),
                DurationText.age(span(from: job.submittedAt, to: now)),
                duration(job, now: now),
            ]
            if isWide {
                row += [
                    job.exitCode.map(String.init) ?? "-",
                    milliText(job.spec.resources.milliCPUs),
                    job.spec.resources.memory == .zero ? "-" : "\(job.spec.resources.memory)",
                    "\(job.bytesSent)", job.outputs.map { "\($0.totalSize)" } ?? "-",
                    Quoting.visible(job.inputs.sourceDirectory),
                ]
            }
            // Without a limit a script of many lines would still be one line of the table.
            row.append(
                Quoting.truncated(CommandText.line(job.spec.command), to: isWide ? 500 : 60))
            return row
        }
        return TextTable.render(header: header, rows: rows, width: isWide ? nil : width)
    }

    /// `gpu-1`, or of several `gpu-1,gpu-2 ×2`.
    static func workers(_ job: JobView) -> String {
        guard let tasks = job.tasks, !tasks.isEmpty else { return job.worker?.text ?? "-" }
        var counts: [(name: WorkerName, count: Int)] = []
        for task in tasks {
            if let index = counts.firstIndex(where: { $0.name == task.worker }) {
                counts[index].count += 1
            } else {
                counts.append((task.worker, 1))
            }
        }
        let shown = counts.prefix(4).map {
            $0.count == 1 ? "\($0.name)" : "\($0.name) ×\($0.count)"
        }
        let more = counts.count > 4 ? " and \(counts.count - 4) more" : ""
        return shown.joined(separator: ",") + more
    }

    /// One word for where the job stands, and why it does not go on.
    static func state(_ job: JobView) -> String {
        // `running · gpu-1 unreachable for 3 m`; why is for `inspect`.
        let link =
            job.link.map { link in
                " · \(job.worker?.text ?? "its worker") "
                    + Quoting.visible(link.split(separator: ":", maxSplits: 1)[0])
            } ?? ""
        switch job.state {
        case .queued: return (job.waiting.map { "queued: \($0.message)" } ?? "queued") + link
        case .active: return (job.phase?.rawValue ?? "starting") + trouble(job) + link
        case .failed:
            return job.exitCode.map { "failed (\($0))" } ?? "failed"
        case .succeeded, .cancelled, .lost: return job.state.rawValue
        }
    }

    /// `: outputs cannot be stored yet`, where a person has to help; the rest is for `inspect`.
    private static func trouble(_ job: JobView) -> String {
        guard job.phase == .collecting, let activity = job.activity else { return "" }
        return ": " + Quoting.visible(activity.split(separator: ",", maxSplits: 1)[0])
    }

    /// From the start of the command to its end or to now; `-` before it has started.
    static func duration(_ job: JobView, now: WallTime) -> String {
        guard let start = job.startedAt else { return "-" }
        return DurationText.describe(span(from: start, to: job.endedAt ?? now))
    }

    static func milliText(_ milliCPUs: Int64) -> String {
        milliCPUs % 1000 == 0 ? "\(milliCPUs / 1000)" : "\(Double(milliCPUs) / 1000)"
    }

    /// Clocks may have been set meanwhile: never negative.
    private static func span(from start: WallTime, to end: WallTime) -> Milliseconds {
        Milliseconds(max(0, end.milliseconds - start.milliseconds))
    }
}

/// `shunt inspect` for people.
enum JobDetails {
    static func render(_ job: JobView, now: WallTime) -> String {
        var rows: [(String, String)] = [("job", job.id.text)]
        if let name = job.name { rows.append(("name", name.text)) }
        rows.append(("state", JobTable.state(job)))
        if let code = job.exitCode { rows.append(("exit code", "\(code)")) }
        // The words of an installer or an engine have lines of their own.
        for (index, line) in (job.reason ?? "").split(separator: "\n").enumerated() {
            rows.append((index == 0 ? "reason" : "", Quoting.visible(String(line))))
        }
        for warning in job.warnings + (job.outputs?.warnings ?? []) {
            rows.append(("warning", Quoting.visible(warning)))
        }
        if let activity = job.activity, !job.state.isTerminal { rows.append(("doing", activity)) }
        rows.append(("command", CommandText.line(job.spec.command)))
        rows.append(("directory", Quoting.visible(job.inputs.sourceDirectory)))
        if job.worker != nil { rows.append(("worker", JobTable.workers(job))) }
        for task in job.tasks ?? [] { rows.append(("rank \(task.rank)", line(task))) }
        if let attempt = job.attempt { rows.append(("attempt", "\(attempt)")) }
        rows.append(("submitted", "\(job.submittedAt)"))
        if let start = job.startedAt { rows.append(("started", "\(start)")) }
        if let end = job.endedAt { rows.append(("ended", "\(end)")) }
        rows.append(("duration", JobTable.duration(job, now: now)))
        if !job.spec.after.isEmpty {
            rows.append(("after", job.spec.after.map(\.text).joined(separator: ", ")))
        }
        if job.spec.priority != .normal {
            rows.append(("priority", job.spec.priority.rawValue))
        }
        let each = job.spec.nodeCount > 1 ? " on each of \(job.spec.nodeCount) nodes" : ""
        rows.append(("resources", "\(job.spec.resources)\(each)"))
        if let limits = limits(job) { rows.append(("limits", limits)) }
        if let software = job.spec.software {
            let tree = software.recipe.map { ", \($0.tree.content.short)" } ?? ""
            rows.append(("environment", EnvironmentText.describe(software) + tree))
            if let packages = job.packages {
                rows.append(("packages", Quoting.visible(packages.joined(separator: ", "))))
            }
        }
        for report in job.data ?? [] { rows.append(("data", DataText.describe(report))) }
        if !job.labels.isEmpty {
            rows.append(("labels", job.labels.map(\.text).joined(separator: ", ")))
        }
        if let container = job.spec.container {
            rows.append(("image", image(container, job.image)))
            if let gpus = job.gpus { rows.append(("gpus", gpus.rawValue)) }
        }
        if !job.spec.secrets.isEmpty {
            rows.append(("secrets", job.spec.secrets.joined(separator: ", ")))
        }
        let tree = job.inputs.tree.content.short
        rows.append(("snapshot", "\(tree), \(SnapshotText.size(job.inputs))"))
        rows.append(("sent", "\(job.bytesSent)"))
        if let git = job.inputs.git { rows.append(("git", PlanText.git(git))) }
        if let outputs = job.outputs {
            let files = outputs.fileCount == 1 ? "1 file" : "\(outputs.fileCount) files"
            let size = "\(files), \(outputs.totalSize)"
            let place = fetch(job.outputsFetch)
            let text = "\(outputs.tree.content.short), \(size), \(place)"
            rows.append(("outputs", outputs.fileCount > 0 ? text : "none"))
        }
        if let method = job.killMethod { rows.append(("tree ended by", method.rawValue)) }
        return TextTable.pairs(rows)
    }

    /// `gpu-1 (10.0.0.3): running`, `gpu-2: terminal, exited with code 1`.
    private static func line(_ task: TaskView) -> String {
        var text = task.worker.text + (task.address.map { " (\($0))" } ?? "")
        text += ": " + (task.verdict?.rawValue ?? task.phase.rawValue)
        for detail in [task.activity, task.reason, task.link].compactMap({ $0 }) {
            text += ", " + Quoting.visible(detail)
        }
        return text
    }

    /// `2 CPUs, 8.0 GiB of memory (not enforced on this worker)`; `nil` where there is none.
    private static func limits(_ job: JobView) -> String? {
        let asked = [
            (
                job.spec.cpuLimit.map { "\(Resources(milliCPUs: $0, memory: .zero))" },
                job.cpuEnforced
            ),
            (job.spec.memoryLimit.map { "\($0) of memory" }, job.memoryEnforced),
        ]
        let texts = asked.compactMap { text, isEnforced in
            text.map { isEnforced == false ? $0 + " (not enforced on this worker)" : $0 }
        }
        return texts.isEmpty ? nil : texts.joined(separator: ", ")
    }

    /// `python:3.11-slim, sha256:…`; the ID of an image that no registry can be asked for.
    private static func image(_ container: ContainerSpec, _ pinned: PinnedImage?) -> String {
        let name = Quoting.visible(container.image.text)
        guard let pinned else { return name }
        guard let manifest = pinned.manifest else { return name + ", image \(pinned.id.hex)" }
        return name + ", sha256:\(manifest.hex)"
    }

    private static func fetch(_ fetch: OutputsFetch) -> String {
        switch fetch {
        case .none: "not fetched"
        case .held: "held on the worker until `shunt pull`"
        case .lost: "lost: their worker has not kept them whole"
        case .fetching: "being fetched"
        case .fetched: "fetched"
        }
    }
}
