/// Which data must never come to which workers, from the configuration: hard constraints, whatever
/// else speaks for a worker.
package struct DataRules: Hashable, Sendable {
    /// In the order of the configuration.
    package var never: [Rule]
    /// Why the configuration cannot be read; nothing that is labelled is placed then.
    package var problem: String?

    package init(never: [Rule] = [], problem: String? = nil) {
        self.never = never
        self.problem = problem
    }

    /// `private: rented`.
    package struct Rule: Hashable, Sendable {
        package let data: DataLabel
        package let workers: WorkerLabelPattern

        package init(data: DataLabel, workers: WorkerLabelPattern) {
            self.data = data
            self.workers = workers
        }
    }

    /// What has a label.
    package enum Origin: Hashable, Sendable {
        /// The job itself says it.
        case job
        /// A file that another job wrote, as people read its path.
        case file(String)
        case dataset(DatasetName)

        fileprivate var text: String {
            switch self {
            case .job: "its data"
            case .file(let path): "its file `\(path)`"
            case .dataset(let name): "its dataset `\(name)`"
            }
        }
    }

    /// Why data of these labels must not come to a worker; `nil` where it may.
    package func refusal(of labels: [DataLabel: Origin], on worker: WorkerRecord) -> String? {
        for (label, origin) in labels.sorted(by: { $0.key < $1.key }) {
            if let problem {
                return "what is labelled `\(label)` is placed nowhere while the configuration "
                    + "cannot be read: \(problem)"
            }
            for rule in never where rule.data == label {
                if let found = worker.labels.first(where: { rule.workers.matches($0) }) {
                    return "\(origin.text) is labelled `\(label)`, and that never goes to workers "
                        + "labelled `\(rule.workers)`; `\(worker.name)` has `\(found)`"
                }
            }
        }
        return nil
    }
}

/// Names workers by a label: `rented` those that have the key, `region=us` those with the value.
package struct WorkerLabelPattern: TextIdentifier {
    package let text: String
    private let key: String
    private let value: String?

    package init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            .map(String.init)
        let value = parts.count == 2 ? parts[1] : nil
        guard let key = parts.first, WorkerLabel(key: key, value: value ?? "") != nil else {
            return nil
        }
        self.text = text
        self.key = key
        self.value = value
    }

    /// Whether a worker that has this label is meant.
    package func matches(_ label: WorkerLabel) -> Bool {
        label.key == key && (value == nil || label.value == value)
    }
}
