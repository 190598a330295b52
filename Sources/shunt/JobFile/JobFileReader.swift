internal import JobModel
internal import Yams

/// Reads a job file by its YAML nodes, so that whatever is wrong is shown where it stands: an
/// unknown key, a wrong type, a bad value, a key given twice, a mistake of syntax.
///
/// The file may come from anybody. Its size, its nesting (libyaml stops at 1,000 levels) and its
/// aliases are bounded, and nothing that is not understood is ignored.
struct JobFileReader {
    let file: JobFileText

    /// - Parameter name: how messages call the file.
    /// - Throws: ``ShuntError`` with `usage`, with the place in its message.
    static func read(_ bytes: [UInt8], name: String) throws(ShuntError) -> JobFile {
        let reader = JobFileReader(file: try JobFileText(name: name, bytes: bytes))
        return try reader.read()
    }

    private func read() throws(ShuntError) -> JobFile {
        try JobFileAliases.check(file)
        guard let root = try compose() else {
            throw file.error(
                line: 1, column: 1, "the file is empty",
                hint: "echo 'run: python train.py' > \(Quoting.forShell(file.path))")
        }
        var job = JobFile()
        for entry in try entries(of: root, in: .top) {
            try read(entry, into: &job)
        }
        return job
    }

    func compose() throws(ShuntError) -> Node? {
        do {
            // Without rules no scalar is taken for a number: the rules here look at the text.
            return try Yams.compose(yaml: file.text, .basic)
        } catch let error as YamlError {
            throw JobFileSyntax.explain(error, in: file)
        } catch {
            throw ShuntError(
                .failed, "`\(file.name)` cannot be read: \(error)", hint: "shunt run --help")
        }
    }

    private func read(_ entry: Entry, into job: inout JobFile) throws(ShuntError) {
        switch entry.key {
        case "name": job.name = try value(of: entry, FieldRules.jobName)
        case "run": job.command = try command(of: entry)
        case "workdir": job.workingDirectory = try value(of: entry, FieldRules.relativePath)
        case "env": job.environment = try environment(of: entry)
        case "resources": try resources(of: entry, into: &job)
        case "environment": try software(of: entry, into: &job)
        case "outputs": job.outputs = try outputs(of: entry)
        case "max_duration": job.maximumDuration = try value(of: entry, FieldRules.duration)
        case "on": job.placement = try value(of: entry, FieldRules.placement)
        case "pull_limit": job.pullLimit = try value(of: entry, FieldRules.byteLimit)
        case "secrets": job.secrets = try secrets(of: entry)
        case "mounts": job.mounts = try mounts(of: entry)
        case "labels": job.labels = try labels(of: entry)
        case "nodes", "nodes_per_worker", "processes_per_node", "launch", "outputs_from":
            try gang(of: entry, into: &job.gang)
        case "priority": job.priority = try value(of: entry, FieldRules.priority)
        case "needs": job.after = try needs(of: entry)
        case "image": job.image = try value(of: entry, FieldRules.image)
        default: preconditionFailure("`\(entry.key)` is listed as a key and is not read")
        }
    }

    private func resources(of entry: Entry, into job: inout JobFile) throws(ShuntError) {
        for part in try entries(of: entry.node, in: .resources) {
            switch part.key {
            case "cpus":
                job.milliCPUs = try value(of: part, kinds: [.text, .number], FieldRules.milliCPUs)
            case "memory":
                job.memory = try value(of: part, kinds: [.text, .number], FieldRules.memory)
            case "shm_size":
                job.sharedMemory = try value(
                    of: part, kinds: [.text, .number], FieldRules.memory)
            default: preconditionFailure("`\(part.key)` is listed as a key and is not read")
            }
        }
    }

    private func command(of entry: Entry) throws(ShuntError) -> JobSpec.Command {
        guard case .sequence(let items) = entry.node else {
            let text = try value(of: entry, wants: "text or a list of words", FieldRules.argument)
            guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
                throw error(
                    at: entry.node, "`run` is empty", advice: "`run: python train.py` would do")
            }
            return .shell(text)
        }
        try checkTag(of: entry.node, tag: items.tag, is: .seq)
        var words: [String] = []
        for item in items {
            let word = Entry(key: entry.key, path: "run[\(words.count)]", node: item)
            words.append(try value(of: word, kinds: [.text, .number], FieldRules.argument))
            try check(words.count, atMost: JobFileLimits.arguments, "words", of: entry)
        }
        guard let first = words.first, !first.isEmpty else {
            throw error(
                at: entry.node, "`run` names no command",
                advice: "`run: [python, train.py]` would do")
        }
        return .arguments(words)
    }

    private func environment(
        of entry: Entry
    ) throws(ShuntError) -> [JobSpec.EnvironmentVariable] {
        guard case .mapping(let mapping) = entry.node else {
            throw wrongType(entry, wants: "a mapping such as `EPOCHS: 10`")
        }
        try checkTag(of: entry.node, tag: mapping.tag, is: .map)
        var result: [JobSpec.EnvironmentVariable] = []
        for (key, node) in mapping {
            let name = try valid(key, FieldRules.variableName, path: "env")
            let variable = Entry(key: name, path: "env.\(name)", node: node)
            let text = try value(
                of: variable, kinds: [.text, .number, .truth], FieldRules.argument)
            result.append(JobSpec.EnvironmentVariable(name: name, value: text))
            try check(result.count, atMost: JobFileLimits.variables, "variables", of: entry)
        }
        return result
    }

    private func outputs(of entry: Entry) throws(ShuntError) -> [String] {
        guard case .sequence(let items) = entry.node else {
            return [try value(of: entry, wants: "a path or a list of paths", OutputPattern.parse)]
        }
        try checkTag(of: entry.node, tag: items.tag, is: .seq)
        var result: [String] = []
        for item in items {
            let element = Entry(key: entry.key, path: "outputs[\(result.count)]", node: item)
            result.append(try value(of: element, OutputPattern.parse))
            try check(result.count, atMost: JobFileLimits.outputs, "patterns", of: entry)
        }
        return result
    }
}
