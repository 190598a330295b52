internal import JobModel

/// The flags about several nodes, as they were written.
struct GangFlags: Hashable {
    var nodes: String?
    var nodesPerWorker: String?
    var processesPerNode: String?
    var launch: String?
    var outputsFrom: String?
}

/// What somebody asks for of several nodes; what is left out is `nil`.
struct GangWish: Hashable {
    var nodes: Int?
    var nodesPerWorker: Int?
    var processesPerNode: Int?
    var launch: GangSpec.Launch?
    var outputsFrom: GangSpec.OutputsFrom?

    init() {}

    init(_ texts: GangFlags, of flags: JobFlags) throws(ShuntError) {
        nodes = try flags.value("--nodes", texts.nodes, GangFields.nodes)
        nodesPerWorker = try flags.value(
            "--nodes-per-worker", texts.nodesPerWorker, GangFields.nodes)
        processesPerNode = try flags.value(
            "--processes-per-node", texts.processesPerNode, GangFields.processes)
        launch = try flags.value("--launch", texts.launch, GangFields.launch)
        outputsFrom = try flags.value("--outputs-from", texts.outputsFrom, GangFields.outputsFrom)
    }

    /// What is asked for here wins.
    func over(_ other: GangWish) -> GangWish {
        var wish = GangWish()
        wish.nodes = nodes ?? other.nodes
        wish.nodesPerWorker = nodesPerWorker ?? other.nodesPerWorker
        wish.processesPerNode = processesPerNode ?? other.processesPerNode
        wish.launch = launch ?? other.launch
        wish.outputsFrom = outputsFrom ?? other.outputsFrom
        return wish
    }

    /// - Returns: `nil` for a job that is one command on one worker.
    func spec(
        for flags: JobFlags, _ command: JobSpec.Command
    ) throws(ShuntError) -> GangSpec? {
        let nodes = nodes ?? 1
        guard nodes > 1 || launch != nil else {
            guard processesPerNode == nil else {
                throw ShuntError(
                    .usage, "nobody would start the processes of a node: a launcher has to",
                    hint: "shunt \(flags.subcommand) --launch torchrun --processes-per-node 2 "
                        + "-- python train.py")
            }
            return nil
        }
        if launch == .torchrun, command.argumentVector.first == "torchrun" {
            throw ShuntError(
                .usage,
                "`torchrun` would start `torchrun`: it stands in the command and is asked "
                    + "for as the launcher",
                hint: "shunt \(flags.subcommand) --nodes \(nodes) --launch torchrun "
                    + "-- python train.py")
        }
        return GangSpec(
            nodes: nodes, nodesPerWorker: min(nodes, nodesPerWorker ?? 1),
            processesPerNode: processesPerNode ?? 1, launch: launch,
            outputsFrom: outputsFrom ?? .first)
    }
}

/// What each value about several nodes may be.
enum GangFields {
    static func nodes(_ text: String) throws(FieldError) -> Int {
        try count(text, upTo: GangLimits.nodes)
    }

    static func processes(_ text: String) throws(FieldError) -> Int {
        try count(text, upTo: GangLimits.processesPerNode)
    }

    static func launch(_ text: String) throws(FieldError) -> GangSpec.Launch {
        try choice(text)
    }

    static func outputsFrom(_ text: String) throws(FieldError) -> GangSpec.OutputsFrom {
        try choice(text)
    }

    private static func count(_ text: String, upTo limit: Int) throws(FieldError) -> Int {
        guard let number = Int(text), (1...limit).contains(number) else {
            throw FieldError(
                "wants a number from 1 to \(limit), found "
                    + "`\(Quoting.truncated(Quoting.visible(text), to: 60))`",
                example: "2")
        }
        return number
    }

    private static func choice<Value: CaseIterable & RawRepresentable<String>>(
        _ text: String
    ) throws(FieldError) -> Value {
        if let value = Value(rawValue: text) { return value }
        let names = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
        throw FieldError(
            "wants \(names), found `\(Quoting.truncated(Quoting.visible(text), to: 60))`",
            example: Value.allCases.first?.rawValue ?? "")
    }
}
