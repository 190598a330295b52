internal import JobModel

/// What a submission would do, in words.
enum PlanText {
    /// The whole plan, for `--dry-run`.
    ///
    /// - Parameter remarks: of the snapshot, see ``SnapshotText/remarks(_:hasIgnoreFile:)``.
    static func render(
        spec: JobSpec, inputs: JobInputs, plan: PlanView, remarks: [(label: String, text: String)]
    ) -> String {
        var rows: [(String, String)] = [
            ("worker", plan.workers.map(list) ?? plan.worker?.text ?? "none yet"),
            ("starts", plan.waiting.map { "later: \($0.message)" } ?? "at once"),
            ("command", CommandText.line(spec.command)),
            ("directory", Quoting.visible(inputs.sourceDirectory)),
        ]
        if !spec.workingDirectory.isEmpty {
            rows.append(("in", Quoting.visible(spec.workingDirectory)))
        }
        rows.append(("snapshot", "\(SnapshotText.size(inputs)), tree \(inputs.tree.content.short)"))
        rows.append(("to send", "\(plan.missing)"))
        if let software = spec.software {
            rows.append(("environment", environment(software, plan)))
        }
        if let container = spec.container {
            rows.append(("image", Quoting.visible(container.image.text)))
        }
        if !spec.secrets.isEmpty { rows.append(("secrets", spec.secrets.joined(separator: ", "))) }
        for mount in spec.mounts {
            rows.append(("mount", "\(mount.dataset) at \(Quoting.visible(mount.target))"))
        }
        let each = spec.nodeCount > 1 ? " on each of \(spec.nodeCount) nodes" : ""
        rows.append(("resources", "\(spec.resources)\(each)"))
        if let limit = spec.maximumDuration {
            rows.append(("at most", DurationText.describe(limit)))
        }
        if let git = inputs.git { rows.append(("git", Self.git(git))) }
        rows += remarks.map { ($0.label, $0.text) }
        return TextTable.pairs(rows)
    }

    private static func list(_ workers: [WorkerName]) -> String {
        workers.isEmpty ? "none yet" : workers.map(\.text).joined(separator: ", ")
    }

    /// `` `gpu-1` ``, or `3 workers`; `nil` where none is known.
    private static func worker(_ plan: PlanView) -> String? {
        guard let workers = plan.workers else { return plan.worker.map { "`\($0)`" } }
        let count = Set(workers).count
        return count == 0 ? nil : count == 1 ? "`\(workers[0])`" : "\(count) workers"
    }

    /// One line of the plan, for `run` before it submits.
    static func summary(spec: JobSpec, inputs: JobInputs, plan: PlanView?) -> String {
        var parts = [SnapshotText.size(inputs)]
        if let plan {
            parts.append(plan.missing > .zero ? "\(plan.missing) to send" : "nothing to send")
            let name = spec.software.map(EnvironmentText.contents) ?? "environment"
            if plan.environmentCached == false { parts.append("\(name) to be built") }
            if plan.environmentCached == true { parts.append("\(name) is there") }
            if let worker = Self.worker(plan) { parts.append("on \(worker)") }
            if let waiting = plan.waiting { parts.append("waits: \(waiting.message)") }
        }
        return parts.joined(separator: ", ")
    }

    /// `3f2a1b2c4d5e on main, with uncommitted changes`.
    static func git(_ git: GitState) -> String {
        var text = String(git.commit.prefix(12))
        if let branch = git.branch { text += " on \(Quoting.visible(branch))" }
        return git.dirty ? text + ", with uncommitted changes" : text
    }

    private static func environment(_ software: SoftwareEnvironment, _ plan: PlanView) -> String {
        let name = EnvironmentText.describe(software)
        if let refusal = plan.environmentRefusal {
            return "\(name), not to be had: \(Quoting.visible(refusal.message))"
        }
        return switch (plan.environmentCached, software) {
        case (true?, .recipe): "\(name), built before"
        case (true?, .existing): "\(name), found there"
        case (false?, _): "\(name), to be built"
        case (nil, _): name
        }
    }
}

/// A command line as one line for people.
enum CommandText {
    static func line(_ command: JobSpec.Command) -> String {
        switch command {
        case .shell(let text):
            Quoting.visible(text.split(separator: "\n").joined(separator: "; "))
        case .arguments(let words):
            Quoting.visible(words.map(Quoting.forShell).joined(separator: " "))
        }
    }
}
