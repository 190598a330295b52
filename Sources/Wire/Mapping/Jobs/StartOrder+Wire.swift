internal import JobModel

/// What a task needs to start, as protobuf; the spec of a task directory has the same form.
extension StartOrder: WireValue {
    var proto: ProtoStartOrder {
        var proto = ProtoStartOrder()
        proto.token = token.proto
        proto.spec = spec.proto
        proto.tree = tree.proto
        if let git { proto.git = git.proto }
        proto.nodeCount = UInt32(clamping: nodeCount)
        proto.waitsForGo = waitsForGo
        proto.extraTrees = extraTrees.map(\.proto)
        if let image { proto.pinnedImage = image.proto }
        proto.mounts = mounts.map(\.proto)
        return proto
    }

    init(_ proto: ProtoStartOrder) throws(WireError) {
        let token = try StartToken(Field.required(proto.hasToken ? proto.token : nil, "token"))
        let nodes = try Field.number(
            Int(proto.nodeCount), in: 1...WireLimits.nodes, "start.node_count")
        guard token.task.rank < nodes else {
            throw WireError.invalid("start.token.task", token.task.text)
        }
        self.init(
            token: token,
            spec: try JobSpec(Field.required(proto.hasSpec ? proto.spec : nil, "start.spec")),
            tree: try TreeReference(
                Field.required(proto.hasTree ? proto.tree : nil, "start.tree")),
            git: proto.hasGit ? GitState(proto.git) : nil,
            nodeCount: nodes,
            waitsForGo: proto.waitsForGo,
            extraTrees: try TreeReference.list(proto.extraTrees),
            image: proto.hasPinnedImage ? try PinnedImage(proto.pinnedImage) : nil,
            mounts: try proto.mounts.map { mount throws(WireError) in try PlacedMount(mount) })
    }
}

extension GitState: WireValue {
    var proto: ProtoGitState {
        var proto = ProtoGitState()
        proto.commit = commit
        if let branch { proto.branch = branch }
        proto.dirty = dirty
        return proto
    }

    init(_ proto: ProtoGitState) {
        self.init(
            commit: proto.commit, branch: proto.hasBranch ? proto.branch : nil,
            dirty: proto.dirty)
    }
}

extension JobSpec: WireValue {
    var proto: ProtoJobSpec {
        var proto = ProtoJobSpec()
        if let name { proto.name = name.text }
        proto.command = command.proto
        proto.workingDirectory = workingDirectory
        proto.environment = environment.map(\.proto)
        proto.resources = resources.proto
        if let software { proto.software = software.proto }
        proto.outputs = outputs
        if let cpuLimit { proto.cpuLimitMilli = cpuLimit }
        if let maximumDuration { proto.maximumDurationMs = maximumDuration.count }
        proto.gracePeriodMs = gracePeriod.count
        proto.pullLimitBytes = pullLimit.bytes
        proto.placement = placement.proto
        if let container { proto.container = container.proto }
        proto.secretNames = secrets
        proto.mounts = mounts.map(\.proto)
        proto.labels = labels.map(\.text)
        if let gang { proto.gang = gang.proto }
        proto.priority = priority.proto
        return proto
    }

    init(_ proto: ProtoJobSpec) throws(WireError) {
        self.init(
            name: proto.hasName ? try Field.identifier(proto.name, "spec.name") : nil,
            command: try Command(Field.required(proto.command, "spec.command")),
            workingDirectory: proto.workingDirectory,
            environment: proto.environment.map(EnvironmentVariable.init),
            resources: try Resources(
                Field.required(proto.hasResources ? proto.resources : nil, "spec.resources")),
            cpuLimit: proto.hasCpuLimitMilli
                ? try Field.number(
                    proto.cpuLimitMilli, in: 1...Resources.maximum.milliCPUs, "spec.cpu_limit")
                : nil,
            software: proto.hasSoftware ? try SoftwareEnvironment(proto.software) : nil,
            outputs: proto.outputs,
            maximumDuration: proto.hasMaximumDurationMs
                ? try Field.milliseconds(proto.maximumDurationMs, "spec.maximum_duration") : nil,
            gracePeriod: try Field.milliseconds(proto.gracePeriodMs, "spec.grace_period"),
            pullLimit: try Field.byteCount(proto.pullLimitBytes, "spec.pull_limit"),
            placement: try PlacementRequest(Field.required(proto.placement, "spec.placement")),
            container: proto.hasContainer ? try ContainerSpec(proto.container) : nil,
            mounts: try proto.mounts.map { mount throws(WireError) in try DataMount(mount) },
            labels: try proto.labels.map { label throws(WireError) in
                try Field.identifier(label, "spec.labels")
            },
            secrets: try Secret.names(proto.secretNames),
            gang: proto.hasGang ? try GangSpec(proto.gang) : nil,
            priority: try Field.choice(proto.priority, "spec.priority") { (one: Priority) in
                one.proto
            })
    }
}

extension Priority {
    fileprivate var proto: ProtoPriority {
        switch self {
        case .low: .low
        case .normal: .normal
        case .high: .high
        }
    }
}

extension JobSpec.Command {
    fileprivate var proto: ProtoJobSpec.OneOf_Command {
        switch self {
        case .shell(let text):
            return .shell(text)
        case .arguments(let list):
            var arguments = ProtoJobSpec.Arguments()
            arguments.elements = list
            return .arguments(arguments)
        }
    }

    fileprivate init(_ proto: ProtoJobSpec.OneOf_Command) throws(WireError) {
        switch proto {
        case .shell(let text):
            self = .shell(text)
        case .arguments(let arguments):
            guard !arguments.elements.isEmpty else {
                throw WireError.missing(field: "spec.command.arguments")
            }
            self = .arguments(arguments.elements)
        }
    }
}

extension JobSpec.EnvironmentVariable {
    fileprivate var proto: ProtoJobSpec.EnvironmentVariable {
        var proto = ProtoJobSpec.EnvironmentVariable()
        proto.name = name
        proto.value = value
        return proto
    }

    fileprivate init(_ proto: ProtoJobSpec.EnvironmentVariable) {
        self.init(name: proto.name, value: proto.value)
    }
}

extension JobSpec.PlacementRequest {
    fileprivate var proto: ProtoJobSpec.OneOf_Placement {
        switch self {
        case .worker(let name): return .worker(name.text)
        case .any: return .anyWorker(ProtoJobSpec.AnyWorker())
        case .among(let names):
            var among = ProtoJobSpec.AmongWorkers()
            among.names = names.map(\.text)
            return .amongWorkers(among)
        }
    }

    fileprivate init(_ proto: ProtoJobSpec.OneOf_Placement) throws(WireError) {
        switch proto {
        case .worker(let name):
            self = .worker(try Field.identifier(name, "spec.placement.worker"))
        case .anyWorker:
            self = .any
        case .amongWorkers(let among):
            let names = try among.names.map { name throws(WireError) -> WorkerName in
                try Field.identifier(name, "spec.placement.among")
            }
            guard names.count > 1 else {
                throw WireError.invalid("spec.placement.among", names.count)
            }
            self.init(names: names)
        }
    }
}

extension TreeReference {
    fileprivate static func list(
        _ protos: [ProtoTreeReference]
    ) throws(WireError) -> [TreeReference] {
        var trees: [TreeReference] = []
        for proto in protos { trees.append(try TreeReference(proto)) }
        return trees
    }
}
