internal import JobModel

extension JobFileReader {
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
