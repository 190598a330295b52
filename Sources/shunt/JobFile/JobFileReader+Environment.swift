internal import JobModel
internal import Yams

/// The section `environment`.
extension JobFileReader {
    func software(of entry: Entry, into job: inout JobFile) throws(ShuntError) {
        var built = BuiltEnvironment()
        var existing: String?
        var captures: Bool?
        for part in try entries(of: entry.node, in: .environment) {
            switch part.key {
            case "python": built.path = try python(of: part)
            case "conda": built.conda = try conda(of: part)
            case "existing": existing = try value(of: part, FieldRules.existingEnvironment)
            case "setup": built.setup = try setup(of: part)
            case "capture": captures = try truth(of: part)
            case "offline": job.isOffline = try truth(of: part)
            default: preconditionFailure("`\(part.key)` is listed as a key and is not read")
            }
        }
        let isBuilt = built != BuiltEnvironment()
        if built.path != nil, built.conda != nil {
            throw error(
                at: entry.node, "`environment` names more than one environment",
                advice: "an `environment.yml` may have a `pip:` section")
        }
        if existing != nil || captures == true, isBuilt || (existing != nil && captures == true) {
            throw error(
                at: entry.node,
                "`environment` names more than one environment",
                advice: "`existing` and `capture: true` stand alone")
        }
        if job.isOffline == true, existing != nil || captures == false || built.conda != nil {
            throw error(
                at: entry.node, "`offline` has nothing to fetch here",
                advice: "it goes with `capture: true`, a requirements file or a `uv.lock`")
        }
        if let existing {
            job.software = .existing(existing)
        } else if isBuilt {
            job.software = .built(built)
        } else {
            switch captures {
            case true?: job.software = .active
            case false?: job.software = .none
            case nil: job.software = job.isOffline != nil ? .unsaid : .none
            }
        }
    }

    private func python(of entry: Entry) throws(ShuntError) -> String {
        let path = try value(of: entry, FieldRules.relativePath)
        guard Self.isYAML(path) else { return path }
        throw error(
            at: entry.node, "`\(Quoting.visible(path))` is no file that `pip` or `uv` reads",
            advice: "an `environment.yml` goes under `conda`")
    }

    private func conda(of entry: Entry) throws(ShuntError) -> String {
        let path = try value(of: entry, FieldRules.relativePath)
        if Self.isYAML(path) { return path }
        throw error(
            at: entry.node, "`\(Quoting.visible(path))` is no `.yml` or `.yaml` file",
            advice: "`conda: environment.yml` would do")
    }

    private static func isYAML(_ path: String) -> Bool {
        path.hasSuffix(".yml") || path.hasSuffix(".yaml")
    }

    private func truth(of entry: Entry) throws(ShuntError) -> Bool {
        try value(of: entry, kinds: [.truth], wants: "`true` or `false`") {
            text throws(FieldError) in
            ["true", "yes", "on"].contains(text.lowercased())
        }
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
