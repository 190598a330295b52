/// What a coordinator keeps of a worker: one row of the ledger, replaced whole. How the link to it
/// stands is never part of it; see ``WorkerState``.
package struct WorkerRecord: Hashable, Sendable, Codable {
    package let name: WorkerName
    /// How its machine is reached; `nil` for the machine that the coordinator itself runs on.
    package var address: WorkerAddress?
    /// The agent's directory there, absolute; empty for the local worker, whose directory follows
    /// from the home.
    package var directory: String
    /// Sorted by key.
    package var labels: [WorkerLabel]
    /// What lies there already and is not sent, by name.
    package var datasets: [Dataset]
    /// What was found when the worker was added last.
    package var facts: WorkerFacts?
    /// The agent that was put there, or answered last. While tasks live there, no other one is
    /// taken for it.
    package var agent: AgentID?
    package var addedAt: WallTime
    /// Absent in the JSON of one that takes jobs.
    private var drained: Bool?

    package init(
        name: WorkerName, address: WorkerAddress? = nil, directory: String = "",
        labels: [WorkerLabel] = [], datasets: [Dataset] = [], facts: WorkerFacts? = nil,
        agent: AgentID? = nil, addedAt: WallTime = WallTime(milliseconds: 0)
    ) {
        self.name = name
        self.address = address
        self.directory = directory
        self.labels = labels.sorted { $0.key < $1.key }
        self.datasets = datasets.sorted { $0.name < $1.name }
        self.facts = facts
        self.agent = agent
        self.addedAt = addedAt
    }

    /// The machine and account that the coordinator runs on.
    package static let local = WorkerRecord(name: .local)

    enum CodingKeys: String, CodingKey {
        case name
        case address
        case directory
        case labels
        case datasets
        case facts
        case agent
        case addedAt = "added_at"
        case drained
    }
}

extension WorkerRecord {
    /// Whether it takes no new jobs: a person has said so. What runs there goes on.
    package var isDrained: Bool {
        get { drained ?? false }
        set { drained = newValue ? true : nil }
    }

    /// What is declared there under a name.
    package func dataset(_ name: DatasetName) -> Dataset? { datasets.first { $0.name == name } }
}

/// Where a worker is, in the words of the user's SSH configuration, which says the rest.
package struct WorkerAddress: Hashable, Sendable, Codable {
    /// `HOST` or `USER@HOST`; HOST may be an alias.
    package var destination: String
    /// In place of the port that the configuration gives.
    package var port: UInt16?
    /// In place of the user's own configuration, as `ssh -F` takes it; absolute.
    package var configurationFile: String?
    package var transport: Transport

    package init(
        destination: String, port: UInt16? = nil, configurationFile: String? = nil,
        transport: Transport = .libssh
    ) {
        self.destination = destination
        self.port = port
        self.configurationFile = configurationFile
        self.transport = transport
    }

    /// What speaks SSH.
    package enum Transport: String, Sendable, Codable, CaseIterable {
        /// The coordinator itself.
        case libssh
        /// The user's `ssh`, a child for each stream.
        case openssh
    }

    enum CodingKeys: String, CodingKey {
        case destination
        case port
        case configurationFile = "configuration_file"
        case transport
    }
}

extension WorkerAddress: CustomStringConvertible {
    /// `ada@gpu-1:2222`.
    package var description: String { port.map { "\(destination):\($0)" } ?? destination }
}

/// What a person says of a worker: `gpu=a100`, `rented`.
package struct WorkerLabel: Hashable, Sendable, Codable {
    package let key: String
    package let value: String

    /// - Returns: `nil` unless `key` is a name as workers have them and `value` is 0 … 63 such
    ///   characters.
    package init?(key: String, value: String) {
        guard NameGrammar.accepts(key), value.isEmpty || NameGrammar.accepts(value) else {
            return nil
        }
        self.key = key
        self.value = value
    }

    /// Reads `KEY=VALUE`, or `KEY` for one without a value.
    package init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(key: String(parts[0]), value: parts.count == 2 ? String(parts[1]) : "")
    }
}

extension WorkerLabel: CustomStringConvertible {
    package var description: String { value.isEmpty ? key : "\(key)=\(value)" }
}
