internal import JobModel

/// How objects in a body are compressed, as protobuf.
extension EncodedBody.Compression {
    var code: ProtoCompression {
        switch self {
        case .none: .none
        case .zstd: .zstd
        }
    }

    init(_ code: ProtoCompression) throws(WireError) {
        self = try Field.choice(code, "objects.compression", \.code)
    }
}

extension ObjectBatch {
    var proto: ProtoObjects {
        var proto = ProtoObjects()
        proto.sha256Words.reserveCapacity(items.count * 4)
        for item in items {
            proto.sha256Words.append(contentsOf: item.digest.words)
            proto.sizes.append(UInt32(clamping: item.size))
        }
        proto.compression = body.compression.code
        return proto
    }

    /// Whoever takes the objects out of the body still has to decompress it, and to check that it
    /// then has as many bytes as ``size`` says.
    init(_ proto: ProtoObjects, body: [UInt8]) throws(WireError) {
        let count = try Field.number(
            proto.sizes.count, in: 1...WireLimits.objectsPerFrame, "objects.sizes")
        guard proto.sha256Words.count == count * 4 else {
            throw WireError.invalid("objects.sha256_words", proto.sha256Words.count)
        }
        var items: [Item] = []
        items.reserveCapacity(count)
        var total = 0
        for index in 0..<count {
            total += Int(proto.sizes[index])
            items.append(
                Item(
                    digest: Digest(words: proto.sha256Words[index * 4..<index * 4 + 4]),
                    size: Int(proto.sizes[index])))
        }
        guard total <= WireLimits.body else { throw WireError.invalid("objects.sizes", total) }
        self.init(
            items: items,
            body: try EncodedBody(checking: body, proto.compression, decodedSize: total))
    }

    /// Bytes of all objects together.
    package var size: Int { items.reduce(0) { $0 + $1.size } }
}

extension ObjectPart {
    var proto: ProtoObjectPart {
        var proto = ProtoObjectPart()
        proto.sha256 = digest.hex
        proto.objectBytes = UInt64(clamping: objectSize)
        proto.offset = UInt64(clamping: offset)
        proto.partBytes = UInt32(clamping: size)
        proto.compression = body.compression.code
        return proto
    }

    init(_ proto: ProtoObjectPart, body: [UInt8]) throws(WireError) {
        let size = try Field.number(
            Int(proto.partBytes), in: 1...WireLimits.body, "object_part.part_bytes")
        let objectSize = try Field.number(
            proto.objectBytes, in: UInt64(size)...UInt64(Int64.max), "object_part.object_bytes")
        let offset = try Field.number(
            proto.offset, in: 0...objectSize - UInt64(size), "object_part.offset")
        self.init(
            digest: try Field.digest(proto.sha256, "object_part.sha256"),
            objectSize: Int64(objectSize), offset: Int64(offset), size: size,
            body: try EncodedBody(checking: body, proto.compression, decodedSize: size))
    }
}

extension PartialObject: WireValue {
    var proto: ProtoWanted.Partial {
        var proto = ProtoWanted.Partial()
        proto.sha256 = digest.hex
        proto.offset = UInt64(clamping: offset)
        return proto
    }

    init(_ proto: ProtoWanted.Partial) throws(WireError) {
        self.init(
            digest: try Field.digest(proto.sha256, "wanted.sha256"),
            offset: Int64(
                try Field.number(proto.offset, in: 1...UInt64(Int64.max), "wanted.offset")))
    }
}

extension EncodedBody {
    fileprivate init(
        checking bytes: [UInt8], _ code: ProtoCompression, decodedSize: Int
    ) throws(WireError) {
        let compression = try Compression(code)
        guard compression != .none || bytes.count == decodedSize else {
            throw WireError.invalid("objects.body", bytes.count)
        }
        self.init(bytes: bytes, compression: compression)
    }
}

extension Digest {
    fileprivate var words: [UInt64] {
        let bytes = bytes
        return (0..<4).map { word in
            bytes[word * 8..<word * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    fileprivate init(words: some Sequence<UInt64>) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in words {
            for shift in stride(from: UInt64(56), through: 8, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
            bytes.append(UInt8(truncatingIfNeeded: word))
        }
        // Four words have 32 bytes.
        self = Digest(bytes: bytes)!
    }
}

extension [Digest] {
    /// 32 bytes for each.
    func packed() throws(WireError) -> [UInt8] {
        guard count <= WireLimits.digestsPerBody else {
            throw WireError.oversized(
                part: "list of digests", length: count, limit: WireLimits.digestsPerBody)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * Digest.byteCount)
        for digest in self { digest.append(to: &bytes) }
        return bytes
    }

    init(packed bytes: [UInt8]) throws(WireError) {
        guard bytes.count.isMultiple(of: Digest.byteCount) else {
            throw WireError.invalid("digests", bytes.count)
        }
        self = stride(from: 0, to: bytes.count, by: Digest.byteCount).map { start in
            // Exactly 32 bytes.
            Digest(bytes: bytes[start..<start + Digest.byteCount])!
        }
    }
}

extension [TreeReference] {
    /// 64 bytes for each: content, metadata.
    func packed() throws(WireError) -> [UInt8] {
        try flatMap { [$0.content, $0.metadata] }.packed()
    }

    init(packed bytes: [UInt8]) throws(WireError) {
        let digests = try [Digest](packed: bytes)
        guard digests.count.isMultiple(of: 2) else { throw WireError.invalid("trees", bytes.count) }
        self = stride(from: 0, to: digests.count, by: 2).map {
            TreeReference(content: digests[$0], metadata: digests[$0 + 1])
        }
    }
}
