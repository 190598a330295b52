internal import JobModel

extension Hello {
    var proto: ProtoHello {
        var proto = ProtoHello()
        proto.protocolVersion = WireLimits.protocolVersion
        proto.coordinator = coordinator.text
        proto.fence = fence.proto
        proto.role = Self.code(role)
        proto.release = release
        return proto
    }

    /// The version stands apart: it is looked at before anything else is believed.
    init(_ proto: ProtoHello) throws(WireError) {
        self.init(
            coordinator: try Field.identifier(proto.coordinator, "hello.coordinator"),
            fence: Fence(try Field.required(proto.hasFence ? proto.fence : nil, "hello.fence")),
            role: try Field.choice(proto.role, "hello.role", Self.code),
            release: proto.release)
    }

    private static func code(_ role: Role) -> ProtoRole {
        switch role {
        case .control: .control
        case .bulk: .bulk
        }
    }
}

extension Welcome {
    /// The reports follow in frames of their own.
    var proto: ProtoWelcome {
        var proto = ProtoWelcome()
        proto.agent = agent.text
        proto.incarnation = incarnation.proto
        proto.capacity = capacity.proto
        proto.inUse = inUse.proto
        proto.platform = platform.proto
        proto.release = release
        proto.reportCount = UInt32(clamping: reports.count)
        proto.engines = engines.map(\.rawValue)
        if let tools { proto.tools = tools.proto }
        return proto
    }

    init(_ proto: ProtoWelcome, reports: [TaskReport]) throws(WireError) {
        self.init(
            agent: try Field.identifier(proto.agent, "welcome.agent"),
            incarnation: MachineIncarnation(
                try Field.required(
                    proto.hasIncarnation ? proto.incarnation : nil, "welcome.incarnation")),
            capacity: try Resources(
                Field.required(proto.hasCapacity ? proto.capacity : nil, "welcome.capacity")),
            inUse: try Resources(
                Field.required(proto.hasInUse ? proto.inUse : nil, "welcome.in_use")),
            platform: Platform(
                try Field.required(proto.hasPlatform ? proto.platform : nil, "welcome.platform")),
            release: proto.release,
            reports: reports,
            engines: proto.engines.compactMap(ContainerEngine.init(rawValue:)),
            tools: proto.hasTools ? BuildTools(proto.tools) : nil)
    }
}

extension WorkerPrograms {
    var proto: ProtoPrograms {
        var proto = ProtoPrograms()
        proto.engines = engines.map(\.rawValue)
        if let tools { proto.tools = tools.proto }
        return proto
    }

    /// An engine that this release does not know is none for it.
    init(_ proto: ProtoPrograms) {
        self.init(
            engines: proto.engines.compactMap(ContainerEngine.init(rawValue:)),
            tools: proto.hasTools ? BuildTools(proto.tools) : nil)
    }
}

extension BuildTools {
    var proto: ProtoBuildTools {
        var proto = ProtoBuildTools()
        proto.pythons = pythons.map(\.description)
        proto.otherPython = hasOtherPython
        proto.uv = hasUV
        proto.conda = hasConda
        proto.reachesOut = reachesOut
        return proto
    }

    /// A version that this release does not understand is one that it never asks for.
    init(_ proto: ProtoBuildTools) {
        self.init(
            pythons: proto.pythons.compactMap(PythonVersion.init),
            hasOtherPython: proto.otherPython,
            hasUV: proto.uv, hasConda: proto.conda, reachesOut: proto.reachesOut)
    }
}

extension Accepted: WireValue {
    var proto: ProtoAccepted {
        var proto = ProtoAccepted()
        proto.agent = agent.text
        proto.release = release
        return proto
    }

    init(_ proto: ProtoAccepted) throws(WireError) {
        self.init(
            agent: try Field.identifier(proto.agent, "accepted.agent"), release: proto.release)
    }
}

extension Rejection {
    var proto: ProtoRejection {
        var proto = ProtoRejection()
        proto.protocolVersion = WireLimits.protocolVersion
        switch self {
        case .protocolMismatch: proto.protocolMismatch = ProtoRejection.Mismatch()
        case .staleFence(let highest): proto.staleFence = highest.proto
        case .refused(let error): proto.refused = error.proto
        }
        return proto
    }

    init(_ proto: ProtoRejection) throws(WireError) {
        switch proto.reason {
        case .protocolMismatch:
            self = .protocolMismatch(
                coordinator: WireLimits.protocolVersion, agent: proto.protocolVersion)
        case .staleFence(let highest): self = .staleFence(highest: Fence(highest))
        case .refused(let failure): self = .refused(try ShuntError(failure))
        case nil:
            // A newer release's reason. If the versions differ, that is what to tell people.
            self =
                proto.protocolVersion == WireLimits.protocolVersion
                ? .refused(ShuntError(.refused, "the agent refuses the connection"))
                : .protocolMismatch(
                    coordinator: WireLimits.protocolVersion, agent: proto.protocolVersion)
        }
    }
}
