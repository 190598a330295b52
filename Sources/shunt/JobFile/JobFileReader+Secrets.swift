internal import JobModel
internal import Yams

/// The key `secrets`: a list of names, and of names with their files.
extension JobFileReader {
    func secrets(of entry: Entry) throws(ShuntError) -> [SecretWish] {
        var result: [SecretWish] = []
        switch entry.node {
        case .sequence(let items):
            try checkTag(of: entry.node, tag: items.tag, is: .seq)
            for item in items {
                if case .mapping = item {
                    try add(filesOf: item, to: &result)
                } else {
                    let path = "secrets[\(result.count)]"
                    let name = try value(
                        of: Entry(key: entry.key, path: path, node: item), FieldRules.secretName)
                    try add(SecretWish(name: name, source: .variable), at: item, to: &result)
                }
            }
        case .mapping: try add(filesOf: entry.node, to: &result)
        case .scalar, .alias:
            throw error(
                at: entry.node, "`secrets` wants a list of names",
                advice: "`[HF_TOKEN]` or `[{HF_TOKEN: ~/token.txt}]` would do")
        }
        return result
    }

    private func add(filesOf node: Node, to result: inout [SecretWish]) throws(ShuntError) {
        guard case .mapping(let mapping) = node else { return }
        try checkTag(of: node, tag: mapping.tag, is: .map)
        for (key, value) in mapping {
            let name = try valid(key, FieldRules.secretName, path: "secrets")
            let file = try self.value(
                of: Entry(key: name, path: "secrets.\(name)", node: value), wants: "a file",
                FieldRules.secretFile)
            let wish = SecretWish(name: name, source: .fileBesideJob(file))
            try add(wish, at: key, to: &result)
        }
    }

    private func add(
        _ wish: SecretWish, at node: Node, to result: inout [SecretWish]
    ) throws(ShuntError) {
        guard !result.contains(where: { $0.name == wish.name }) else {
            throw error(
                at: node, "`secrets` names `\(wish.name)` twice", advice: "keep one of the two")
        }
        result.append(wish)
        guard result.count <= SecretLimits.count else {
            throw error(at: node, "a job has at most \(SecretLimits.count) secrets")
        }
    }
}
