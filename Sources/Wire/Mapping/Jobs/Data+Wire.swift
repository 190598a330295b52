internal import JobModel

/// Data that lies on workers, as protobuf.
extension DataMount: WireValue {
    var proto: ProtoMount {
        var proto = ProtoMount()
        proto.target = target
        proto.dataset = dataset.text
        return proto
    }

    init(_ proto: ProtoMount) throws(WireError) {
        guard DataMount.isTarget(proto.target) else {
            throw WireError.invalid("mount.target", proto.target)
        }
        self.init(
            target: proto.target, dataset: try Field.identifier(proto.dataset, "mount.dataset"))
    }
}

extension PlacedMount: WireValue {
    var proto: ProtoStartOrder.PlacedMount {
        var proto = ProtoStartOrder.PlacedMount()
        proto.mount = mount.proto
        proto.source = source
        return proto
    }

    init(_ proto: ProtoStartOrder.PlacedMount) throws(WireError) {
        guard Dataset.isPath(proto.source) else {
            throw WireError.invalid("mount.source", proto.source)
        }
        self.init(
            mount: try DataMount(
                Field.required(proto.hasMount ? proto.mount : nil, "start.mounts.mount")),
            source: proto.source)
    }
}

extension DataFingerprint: WireValue {
    var proto: ProtoDataFingerprint {
        var proto = ProtoDataFingerprint()
        proto.digest = digest.hex
        proto.files = files
        proto.sizeBytes = size.bytes
        proto.complete = isComplete
        return proto
    }

    init(_ proto: ProtoDataFingerprint) throws(WireError) {
        self.init(
            digest: try Field.digest(proto.digest, "fingerprint.digest"),
            files: try Field.count(proto.files, "fingerprint.files"),
            size: try Field.byteCount(proto.sizeBytes, "fingerprint.size"),
            isComplete: proto.complete)
    }
}

extension DataReport: WireValue {
    var proto: ProtoDataReport {
        var proto = ProtoDataReport()
        proto.mount = DataMount(target: target, dataset: dataset).proto
        proto.source = source
        proto.method = Self.code(method)
        if let fingerprint { proto.fingerprint = fingerprint.proto }
        return proto
    }

    init(_ proto: ProtoDataReport) throws(WireError) {
        let mount = try DataMount(
            Field.required(proto.hasMount ? proto.mount : nil, "report.data.mount"))
        self.init(
            target: mount.target, dataset: mount.dataset, source: proto.source,
            method: try Field.choice(proto.method, "report.data.method", Self.code),
            fingerprint: proto.hasFingerprint ? try DataFingerprint(proto.fingerprint) : nil)
    }

    private static func code(_ method: Method) -> ProtoDataReport.Method {
        switch method {
        case .mount: .mount
        case .link: .link
        }
    }
}
