internal import JobModel

/// Small values of the model that several messages carry, as protobuf.
extension Fence: WireValue {
    var proto: ProtoFence {
        var proto = ProtoFence()
        proto.epoch = epoch
        proto.session = session
        return proto
    }

    init(_ proto: ProtoFence) {
        self.init(epoch: proto.epoch, session: proto.session)
    }
}

extension StartToken: WireValue {
    var proto: ProtoStartToken {
        var proto = ProtoStartToken()
        proto.coordinator = coordinator.text
        proto.epoch = epoch
        proto.task = task.text
        proto.nonce = nonce
        return proto
    }

    init(_ proto: ProtoStartToken) throws(WireError) {
        self.init(
            coordinator: try Field.identifier(proto.coordinator, "token.coordinator"),
            epoch: proto.epoch,
            task: try Field.identifier(proto.task, "token.task"),
            nonce: proto.nonce)
    }
}

extension TreeReference: WireValue {
    var proto: ProtoTreeReference {
        var proto = ProtoTreeReference()
        proto.contentSha256 = content.hex
        proto.metadataSha256 = metadata.hex
        return proto
    }

    init(_ proto: ProtoTreeReference) throws(WireError) {
        self.init(
            content: try Field.digest(proto.contentSha256, "tree.content"),
            metadata: try Field.digest(proto.metadataSha256, "tree.metadata"))
    }
}

extension Resources: WireValue {
    var proto: ProtoResources {
        var proto = ProtoResources()
        proto.milliCpus = milliCPUs
        proto.memoryBytes = memory.bytes
        return proto
    }

    init(_ proto: ProtoResources) throws(WireError) {
        self.init(
            milliCPUs: try Field.count(proto.milliCpus, "resources.milli_cpus"),
            memory: try Field.byteCount(proto.memoryBytes, "resources.memory"))
    }
}

extension MachineIncarnation: WireValue {
    var proto: ProtoMachineIncarnation {
        var proto = ProtoMachineIncarnation()
        proto.machineID = machineID
        proto.hostName = hostName
        proto.bootID = bootID
        proto.initStartTicks = initStartTicks
        proto.pidNamespace = pidNamespace
        return proto
    }

    init(_ proto: ProtoMachineIncarnation) {
        self.init(
            machineID: proto.machineID, hostName: proto.hostName, bootID: proto.bootID,
            initStartTicks: proto.initStartTicks, pidNamespace: proto.pidNamespace)
    }
}

extension Platform: WireValue {
    var proto: ProtoPlatform {
        var proto = ProtoPlatform()
        proto.system = system
        proto.architecture = architecture
        proto.kernel = kernel
        proto.hostName = hostName
        return proto
    }

    init(_ proto: ProtoPlatform) {
        self.init(
            system: proto.system, architecture: proto.architecture, kernel: proto.kernel,
            hostName: proto.hostName)
    }
}

extension ShuntError: WireValue {
    var proto: ProtoFailure {
        var proto = ProtoFailure()
        proto.code = Self.code(code)
        proto.message = message
        if let hint { proto.hint = hint }
        return proto
    }

    init(_ proto: ProtoFailure) throws(WireError) {
        // A code of a newer release is still a failure with a message.
        let code: Code =
            if case .UNRECOGNIZED = proto.code {
                .failed
            } else {
                try Field.choice(proto.code, "failure.code", Self.code)
            }
        self.init(code, proto.message, hint: proto.hasHint ? proto.hint : nil)
    }

    private static func code(_ code: Code) -> ProtoFailure.Code {
        switch code {
        case .usage: .usage
        case .notFound: .notFound
        case .unreachable: .unreachable
        case .refused: .refused
        case .failed: .failed
        }
    }
}
