internal import JobModel
internal import Yams

extension JobFileReader {
    /// IDs or names of jobs.
    func needs(of entry: Entry) throws(ShuntError) -> [String] {
        guard case .sequence(let items) = entry.node else {
            return [try value(of: entry, wants: "a job or a list of jobs", FieldRules.argument)]
        }
        try checkTag(of: entry.node, tag: items.tag, is: .seq)
        var result: [String] = []
        for item in items {
            let element = Entry(key: entry.key, path: "needs[\(result.count)]", node: item)
            result.append(try value(of: element, FieldRules.argument))
            try check(result.count, atMost: JobLimits.dependencies, "jobs", of: entry)
        }
        return result
    }

    /// The keys about several nodes.
    func gang(of entry: Entry, into wish: inout GangWish) throws(ShuntError) {
        switch entry.key {
        case "nodes": wish.nodes = try value(of: entry, kinds: [.number], GangFields.nodes)
        case "nodes_per_worker":
            wish.nodesPerWorker = try value(of: entry, kinds: [.number], GangFields.nodes)
        case "processes_per_node":
            wish.processesPerNode = try value(of: entry, kinds: [.number], GangFields.processes)
        case "launch": wish.launch = try value(of: entry, GangFields.launch)
        case "outputs_from": wish.outputsFrom = try value(of: entry, GangFields.outputsFrom)
        default: preconditionFailure("`\(entry.key)` is listed as a key and is not read")
        }
    }
}
