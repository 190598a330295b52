/// Why a worker cannot take a job however much room it has, as far as is known of it.
package enum Obstacle: Hashable, Sendable {
    /// It mounts what is not declared there.
    case data(DatasetName)
    /// The configuration forbids it; the text says which rule.
    case rule(String)
    /// It runs in a container, and nothing there can run one.
    case engine
    /// It may go to any worker, and what its environment is built with is not there: what it needs,
    /// and what there is in its place.
    case environment(needs: String, has: String)
}

extension Scheduler {
    /// What keeps a job from workers for the sake of its data.
    package struct DataConstraints: Hashable, Sendable {
        /// Of the job, of its files and of what it mounts, with where each is from.
        package var labels: [DataLabel: DataRules.Origin]
        package var rules: DataRules

        package static let none = DataConstraints(labels: [:], rules: DataRules())

        package init(labels: [DataLabel: DataRules.Origin], rules: DataRules) {
            self.labels = labels
            self.rules = rules
        }
    }

    /// Why a job is not taken: something is in its way on every worker that it may use.
    package static func refusal(_ candidate: Candidate, workers: [WorkerState]) -> ShuntError? {
        let eligible = workers.filter { $0.isMeant(by: candidate.spec) }
        let obstacles = eligible.compactMap { $0.obstacle(to: candidate) }
        guard let first = obstacles.first, obstacles.count == eligible.count else { return nil }
        var text = text(of: obstacles, on: eligible.map(\.name))
        if case .data(let name) = first {
            let having = workers.filter { $0.record.dataset(name) != nil }.map { "`\($0.name)`" }
            if !having.isEmpty {
                text += "; `--on any` finds it on " + having.prefix(5).joined(separator: ", ")
            }
        }
        return ShuntError(.refused, text, hint: first.hint(on: eligible[0].name))
    }

    /// ``WaitingReason`` of a job that no reachable worker can take.
    static func waiting(_ obstacles: [Obstacle], on workers: [WorkerName]) -> WaitingReason {
        WaitingReason(obstacles[0].code, text(of: obstacles, on: workers))
    }

    /// Says of one worker what is in the way, and of several what is in the way on each.
    private static func text(of obstacles: [Obstacle], on workers: [WorkerName]) -> String {
        if Set(obstacles).count == 1 {
            return obstacles[0].message(
                on: workers.count == 1
                    ? "`\(workers[0])`" : "none of the \(workers.count) workers that it may use",
                isPlural: workers.count > 1)
        }
        let shown = zip(obstacles, workers).prefix(5).map { obstacle, worker in
            obstacle.message(on: "`\(worker)`", isPlural: false)
        }
        let more = obstacles.count > 5 ? "; and so on for \(obstacles.count - 5) more" : ""
        return shown.joined(separator: "; ") + more
    }
}

extension Obstacle {
    var code: WaitingReason.Code {
        switch self {
        case .data: .noData
        case .rule: .forbidden
        case .engine: .noEngine
        case .environment: .noEnvironment
        }
    }

    /// - Parameters:
    ///   - who: the worker, or that it is none of several.
    ///   - isPlural: whether `who` speaks of none of several.
    fileprivate func message(on who: String, isPlural: Bool) -> String {
        switch self {
        case .data(let name):
            "it mounts `\(name)`, and \(who) \(isPlural ? "has it" : "does not have it")"
        case .rule(let text): text
        case .engine:
            "it runs in a container, and \(who) has \(isPlural ? "a" : "no") container engine"
        case .environment(let needs, let has):
            "its environment needs \(needs), and \(who) has \(isPlural ? "it" : has)"
        }
    }

    fileprivate func hint(on worker: WorkerName) -> String {
        switch self {
        case .data: "shunt worker data \(worker)"
        case .rule, .environment: "shunt worker ls -o json"
        case .engine:
            worker == .local
                ? "apt-get install podman && shunt coordinator stop"
                : "shunt worker check \(worker)"
        }
    }
}

extension WorkerState {
    func isMeant(by spec: JobSpec) -> Bool {
        spec.placement.admits(name)
    }

    /// - Returns: `nil` also where it is not known yet.
    func obstacle(to candidate: Scheduler.Candidate) -> Obstacle? {
        for mount in candidate.spec.mounts where record.dataset(mount.dataset) == nil {
            return .data(mount.dataset)
        }
        let data = candidate.data
        if let refusal = data.rules.refusal(of: data.labels, on: record) {
            return .rule(refusal)
        }
        if candidate.spec.container != nil, let welcome, welcome.engines.isEmpty {
            return .engine
        }
        return lack(for: candidate.spec)
    }

    /// A job that may go to this worker alone is the agent's to judge, which asks the programs
    /// themselves: that one called `python3.12` is there says little.
    private func lack(for spec: JobSpec) -> Obstacle? {
        guard spec.placement.isChoice, let recipe = spec.software?.recipe,
            let tools = welcome?.tools, let needs = tools.lack(for: recipe)
        else { return nil }
        let isPython = needs.hasPrefix("Python")
        return .environment(needs: needs, has: isPython ? tools.pythonText : "none")
    }
}
