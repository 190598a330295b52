internal import JobModel

/// Tasks that start and end together, as protobuf.
extension GangSpec: WireValue {
    var proto: ProtoGang {
        var proto = ProtoGang()
        proto.nodes = UInt32(clamping: nodes)
        proto.nodesPerWorker = UInt32(clamping: nodesPerWorker)
        proto.processesPerNode = UInt32(clamping: processesPerNode)
        proto.launch = launch.map(Self.code) ?? .unspecified
        proto.outputsFrom = Self.code(outputsFrom)
        return proto
    }

    init(_ proto: ProtoGang) throws(WireError) {
        let nodes = try Field.number(Int(proto.nodes), in: 1...GangLimits.nodes, "gang.nodes")
        self.init(
            nodes: nodes,
            nodesPerWorker: try Field.number(
                Int(proto.nodesPerWorker), in: 1...nodes, "gang.nodes_per_worker"),
            processesPerNode: try Field.number(
                Int(proto.processesPerNode), in: 1...GangLimits.processesPerNode,
                "gang.processes_per_node"),
            launch: proto.launch == .unspecified
                ? nil : try Field.choice(proto.launch, "gang.launch", Self.code),
            outputsFrom: try Field.choice(proto.outputsFrom, "gang.outputs_from", Self.code))
    }

    private static func code(_ launch: Launch) -> ProtoGang.Launch {
        switch launch {
        case .torchrun: .torchrun
        case .perProcess: .perProcess
        }
    }

    private static func code(_ from: OutputsFrom) -> ProtoGang.OutputsFrom {
        switch from {
        case .first: .first
        case .all: .all
        }
    }
}

extension Rendezvous: WireValue {
    var proto: ProtoRendezvous {
        var proto = ProtoRendezvous()
        proto.addresses = addresses
        proto.port = UInt32(port)
        return proto
    }

    init(_ proto: ProtoRendezvous) throws(WireError) {
        self.init(
            addresses: try Field.addresses(
                proto.addresses, count: 1...GangLimits.nodes, "rendezvous.addresses"),
            port: try Field.port(proto.port, "rendezvous.port"))
    }
}

extension GangEndpoint: WireValue {
    var proto: ProtoGangEndpoint {
        var proto = ProtoGangEndpoint()
        proto.addresses = addresses
        proto.port = UInt32(port)
        return proto
    }

    init(_ proto: ProtoGangEndpoint) throws(WireError) {
        self.init(
            addresses: try Field.addresses(
                proto.addresses, count: 1...GangLimits.addresses, "endpoint.addresses"),
            port: try Field.port(proto.port, "endpoint.port"))
    }
}

extension ReachQuestion: WireValue {
    var proto: ProtoReachQuestion {
        var proto = ProtoReachQuestion()
        proto.token = token.proto
        proto.round = round
        proto.targets = targets.map { target in
            var one = ProtoReachQuestion.Target()
            one.token = target.token.proto
            one.endpoint = target.endpoint.proto
            return one
        }
        return proto
    }

    init(_ proto: ProtoReachQuestion) throws(WireError) {
        guard proto.targets.count <= GangLimits.nodes else {
            throw WireError.invalid("reach.targets", proto.targets.count)
        }
        self.init(
            token: try StartToken(
                Field.required(proto.hasToken ? proto.token : nil, "reach.token")),
            round: proto.round,
            targets: try proto.targets.map { target throws(WireError) in
                Target(
                    token: try StartToken(
                        Field.required(
                            target.hasToken ? target.token : nil, "reach.targets.token")),
                    endpoint: try GangEndpoint(
                        Field.required(
                            target.hasEndpoint ? target.endpoint : nil, "reach.targets.endpoint")))
            })
    }
}

extension ReachAnswer: WireValue {
    var proto: ProtoReachAnswer {
        var proto = ProtoReachAnswer()
        proto.token = token.proto
        proto.round = round
        proto.targets = reached.map { addresses in
            var one = ProtoReachAnswer.Reached()
            one.addresses = addresses
            return one
        }
        if let problem { proto.problem = problem }
        return proto
    }

    init(_ proto: ProtoReachAnswer) throws(WireError) {
        guard proto.targets.count <= GangLimits.nodes else {
            throw WireError.invalid("reach.targets", proto.targets.count)
        }
        self.init(
            token: try StartToken(
                Field.required(proto.hasToken ? proto.token : nil, "reach.token")),
            round: proto.round,
            reached: try proto.targets.map { target throws(WireError) in
                try Field.addresses(
                    target.addresses, count: 0...GangLimits.addresses, "reach.addresses")
            },
            problem: proto.hasProblem ? proto.problem : nil)
    }
}

extension Field {
    /// IP addresses as text.
    fileprivate static func addresses(
        _ texts: [String], count: ClosedRange<Int>, _ field: String
    ) throws(WireError) -> [String] {
        guard count.contains(texts.count) else { throw WireError.invalid(field, texts.count) }
        for text in texts where !GangEndpoint.isAddress(text) {
            throw WireError.invalid(field, text)
        }
        return texts
    }

    fileprivate static func port(_ number: UInt32, _ field: String) throws(WireError) -> UInt16 {
        UInt16(try Field.number(number, in: 1...65_535, field))
    }
}
