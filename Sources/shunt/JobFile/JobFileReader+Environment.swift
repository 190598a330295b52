internal import JobModel
internal import Yams

/// The section `environment`.
extension JobFileReader {
    func software(of entry: Entry) throws(ShuntError) -> EnvironmentWish {
        var built = BuiltEnvironment()
        var existing: String?
        var captures: Bool?
        for part in try entries(of: entry.node, in: .environment) {
            switch part.key {
            case "python": built.path = try value(of: part, FieldRules.relativePath)
            case "existing": existing = try value(of: part, FieldRules.existingEnvironment)
            case "setup": built.setup = try setup(of: part)
            case "capture":
                captures = try value(of: part, kinds: [.truth], wants: "`true` or `false`") {
                    text throws(FieldError) in
                    ["true", "yes", "on"].contains(text.lowercased())
                }
            default: preconditionFailure("`\(part.key)` is listed as a key and is not read")
            }
        }
        let isBuilt = built != BuiltEnvironment()
        if existing != nil || captures == true, isBuilt || (existing != nil && captures == true) {
            throw error(
                at: entry.node,
                "`environment` names more than one environment",
                advice: "`existing` and `capture: true` stand alone")
        }
        if let existing { return .existing(existing) }
        if isBuilt { return .built(built) }
        return captures == true ? .unsaid : .none
    }

    private func setup(of entry: Entry) throws(ShuntError) -> [String] {
        guard case .sequence(let items) = entry.node else {
            return [try value(of: entry, wants: "a command or a list of them", FieldRules.argument)]
        }
        try checkTag(of: entry.node, tag: items.tag, is: .seq)
        var result: [String] = []
        for item in items {
            let path = "environment.setup[\(result.count)]"
            let command = Entry(key: entry.key, path: path, node: item)
            result.append(try value(of: command, FieldRules.argument))
            try check(result.count, atMost: JobFileLimits.arguments, "commands", of: entry)
        }
        return result
    }
}
