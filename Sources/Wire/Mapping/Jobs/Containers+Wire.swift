internal import JobModel

/// What concerns a task's container, as protobuf.
extension ContainerFacts: WireValue {
    var proto: ProtoContainerFacts {
        var proto = ProtoContainerFacts()
        proto.image = image.proto
        proto.gpus = gpus.rawValue
        return proto
    }

    init(_ proto: ProtoContainerFacts) throws(WireError) {
        self.init(
            image: try PinnedImage(
                Field.required(proto.hasImage ? proto.image : nil, "container.image")),
            gpus: ContainerGPUs(rawValue: proto.gpus) ?? .none)
    }
}

extension PinnedImage: WireValue {
    var proto: ProtoPinnedImage {
        var proto = ProtoPinnedImage()
        proto.idSha256 = id.hex
        if let manifest { proto.manifestSha256 = manifest.hex }
        return proto
    }

    init(_ proto: ProtoPinnedImage) throws(WireError) {
        self.init(
            id: try Field.digest(proto.idSha256, "image.id"),
            manifest: proto.hasManifestSha256
                ? try Field.digest(proto.manifestSha256, "image.manifest") : nil)
    }
}

extension ContainerSpec {
    var proto: ProtoJobSpec.Container {
        var proto = ProtoJobSpec.Container()
        proto.image = image.text
        if let sharedMemory { proto.shmSizeBytes = sharedMemory.bytes }
        if let tree { proto.tree = tree.proto }
        return proto
    }

    init(_ proto: ProtoJobSpec.Container) throws(WireError) {
        guard let image = ImageSource(proto.image) else {
            throw WireError.invalid("spec.container.image", proto.image)
        }
        self.init(
            image: image,
            sharedMemory: proto.hasShmSizeBytes
                ? try Field.byteCount(proto.shmSizeBytes, "spec.container.shm_size") : nil,
            tree: proto.hasTree ? try TreeReference(proto.tree) : nil)
    }
}
