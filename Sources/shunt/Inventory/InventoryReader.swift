internal import JobModel
internal import Yams

/// Reads an inventory file: a mapping of workers by name, each with where it is. Mistakes are shown
/// where they stand, as in a job file, by the same reader of nodes.
struct InventoryReader {
    private let nodes: JobFileReader

    /// Workers of one file.
    private static let limit = JobLimits.workers

    /// - Parameter configurationFile: of SSH, for every worker of the file.
    /// - Throws: ``ShuntError`` with `usage`, with the place in its message.
    static func read(
        _ bytes: [UInt8], name: String, configurationFile: String?
    ) throws(ShuntError) -> [WorkerDescription] {
        let reader = InventoryReader(
            nodes: JobFileReader(
                file: try JobFileText(
                    name: name, bytes: bytes, help: "shunt worker apply --help")))
        return try reader.read(configurationFile)
    }

    private func read(_ configurationFile: String?) throws(ShuntError) -> [WorkerDescription] {
        try JobFileAliases.check(nodes.file)
        guard let root = try nodes.compose() else {
            throw nodes.file.error(
                line: 1, column: 1, "the file is empty", hint: "shunt worker apply --help")
        }
        var workers: [WorkerDescription] = []
        for entry in try nodes.entries(of: root, in: .inventory) {
            guard case .mapping(let mapping) = entry.node else {
                throw nodes.wrongType(entry, wants: "a mapping such as `gpu-1: {host: gpu-1}`")
            }
            for (key, node) in mapping {
                let name = try nodes.valid(key, WorkerFields.name, path: "workers")
                workers.append(try worker(name, node, configurationFile))
                try nodes.check(workers.count, atMost: Self.limit, "workers", of: entry)
            }
        }
        return workers
    }

    private func worker(
        _ name: WorkerName, _ node: Node, _ configurationFile: String?
    ) throws(ShuntError) -> WorkerDescription {
        var description = WorkerDescription(
            name: name,
            address: WorkerAddress(
                destination: name.text, configurationFile: configurationFile))
        // `gpu-2:` with nothing behind it: the name is an alias that says all.
        if case .scalar(let scalar) = node, ScalarKind(of: scalar) == .nothing {
            return description
        }
        for entry in try nodes.entries(of: node, in: .worker) {
            switch entry.key {
            case "host":
                let place = try nodes.value(of: entry, AddressText.parse)
                description.address.destination = place.destination
                description.address.port = place.port
            case "dir": description.directory = try nodes.value(of: entry, Self.directory)
            case "transport":
                description.address.transport = try nodes.value(of: entry, WorkerFields.transport)
            case "host_key":
                description.hostKey = try nodes.value(of: entry, WorkerFields.hostKey)
            case "labels": description.labels = try labels(of: entry)
            case "data": description.datasets = try nodes.datasets(of: entry)
            default: preconditionFailure("`\(entry.key)` is listed as a key and is not read")
            }
        }
        return description
    }

    private func labels(of entry: JobFileReader.Entry) throws(ShuntError) -> [WorkerLabel] {
        guard case .mapping(let mapping) = entry.node else {
            throw nodes.wrongType(entry, wants: "a mapping such as `gpu: a100`")
        }
        var labels: [WorkerLabel] = []
        for (key, node) in mapping {
            let name = try nodes.valid(key, Self.labelKey, path: "labels")
            let value = JobFileReader.Entry(key: name, path: "labels.\(name)", node: node)
            let label = try nodes.value(of: value, kinds: [.text, .number, .truth, .nothing]) {
                text throws(FieldError) in
                // `rented:` alone, as `--label rented`.
                let isBare = ScalarKind.ofPlain(text) == .nothing
                return try WorkerFields.label(isBare ? name : "\(name)=\(text)")
            }
            labels.append(label)
        }
        return labels
    }

    private static func labelKey(_ text: String) throws(FieldError) -> String {
        try WorkerFields.label("\(text)=x").key
    }

    private static func directory(_ text: String) throws(FieldError) -> String {
        guard RemoteDirectory.accepts(text) else {
            throw FieldError(
                "wants an absolute path of letters, digits and `/._-+@,`, found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "/scratch/shunt-agent")
        }
        return text
    }
}
