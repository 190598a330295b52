internal import JobModel

/// What the command of one task of a gang is told of the others, and how it is started.
///
/// The variables are those that PyTorch's, Slurm's and the container operators' launchers agree on:
/// `MASTER_ADDR`, `MASTER_PORT`, `NODE_RANK`, `NNODES`, `NPROC_PER_NODE`.
struct GangLaunch {
    let order: StartOrder
    let rendezvous: Rendezvous
    /// Of the task; absolute.
    let directory: String
    let initExecutable: String

    private var gang: GangSpec { order.spec.gang ?? GangSpec(nodes: order.nodeCount) }
    private var rank: Int { order.token.task.rank }
    private var hostFile: String { directory + "/" + TaskDirectory.hostFile }

    /// Writes the plan that was staged once more, whole this time.
    func complete() throws(ShuntError) {
        try TaskDirectory(directory).complete(hosts: Array(hosts.utf8)) { plan throws(ShuntError) in
            let own = Set(order.spec.environment.map(\.name))
            plan.environment += variables.filter { !own.contains($0.name) }
                .map { Array("\($0.name)=\($0.value)".utf8) }
            plan.command = command(plan.command)
        }
    }

    /// As Open MPI and DeepSpeed read it: an address and its slots in a line.
    private var hosts: String {
        rendezvous.addresses.map { "\($0) slots=\(gang.processesPerNode)\n" }.joined()
    }

    private var variables: [(name: String, value: String)] {
        [
            ("MASTER_ADDR", rendezvous.addresses[0]),
            ("MASTER_PORT", String(rendezvous.port)),
            ("NODE_RANK", String(rank)),
            ("NNODES", String(order.nodeCount)),
            ("NPROC_PER_NODE", String(gang.processesPerNode)),
            ("SHUNT_NODE_IPS", rendezvous.addresses.joined(separator: ",")),
            ("SHUNT_HOSTFILE", hostFile),
        ]
    }

    private func command(_ command: LaunchPlan.Command) -> LaunchPlan.Command {
        let words: [[UInt8]] =
            switch command {
            case .words(let words): words
            case .shell(let line): ["/bin/sh", "-c"].map { Array($0.utf8) } + [line]
            }
        let launcher: [String]
        switch gang.launch {
        case nil: return command
        case .torchrun: launcher = torchrun
        case .perProcess:
            let program =
                order.spec.container == nil ? initExecutable : ContainerCommand.initPath
            launcher = [program, "--processes", String(gang.processesPerNode)]
        }
        return .words(launcher.map { Array($0.utf8) } + words)
    }

    /// Static rendezvous: ranks are those of the nodes, so that rank 0's outputs are where the
    /// job's are looked for. Retries are Shunt's.
    private var torchrun: [String] {
        let address = rendezvous.addresses[0]
        let host = address.contains(":") ? "[\(address)]" : address
        return [
            "torchrun", "--nnodes=\(order.nodeCount)",
            "--nproc-per-node=\(gang.processesPerNode)", "--node-rank=\(rank)",
            "--rdzv-backend=static", "--rdzv-id=\(order.token.task.attempt)",
            "--rdzv-endpoint=\(host):\(rendezvous.port)", "--max-restarts=0", "--no-python",
        ]
    }
}
