internal import JobModel
internal import Yams

/// The setting `never`, a mapping in YAML: labels of data to labels of workers.
enum DataRulesText {
    private static let example = "'{private: rented}'"
    private static let limit = 1000

    static func parse(_ text: String) throws(FieldError) -> [DataRules.Rule] {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text, .basic)
        } catch {
            throw failure(text)
        }
        guard case .mapping(let mapping)? = node, !mapping.isEmpty else { throw failure(text) }
        var rules: [DataRules.Rule] = []
        for (key, value) in mapping {
            guard case .scalar(let name) = key, let data = DataLabel(name.string) else {
                throw failure(text)
            }
            let patterns: [Node] =
                if case .sequence(let items) = value { Array(items) } else { [value] }
            for pattern in patterns {
                guard case .scalar(let scalar) = pattern,
                    let workers = WorkerLabelPattern(scalar.string)
                else { throw failure(text) }
                rules.append(DataRules.Rule(data: data, workers: workers))
            }
        }
        guard (1...limit).contains(rules.count) else { throw failure(text) }
        return rules
    }

    /// On one line.
    static func render(_ rules: [DataRules.Rule]) -> String {
        var order: [DataLabel] = []
        var workers: [DataLabel: [String]] = [:]
        for rule in rules {
            if workers[rule.data] == nil { order.append(rule.data) }
            workers[rule.data, default: []].append(rule.workers.text)
        }
        let parts = order.map { label in
            let list = workers[label] ?? []
            return "\(label): "
                + (list.count == 1 ? list[0] : "[" + list.joined(separator: ", ") + "]")
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    private static func failure(_ text: String) -> FieldError {
        FieldError(
            "wants labels of data, each with labels of workers, found "
                + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`", example: example)
    }
}
