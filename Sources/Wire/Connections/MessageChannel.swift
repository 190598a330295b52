internal import SwiftProtobuf

/// A message whose encoding may stand in bodies, because it can be larger than a header.
protocol DetachableMessage: SwiftProtobuf.Message {
    /// The announcement that this message is, if it is one.
    var detachedSize: UInt32? { get }
    init(detachedSize: UInt32)
}

extension ProtoCoordinatorMessage: DetachableMessage {
    var detachedSize: UInt32? {
        if case .detached(let detached) = kind { detached.size } else { nil }
    }

    init(detachedSize: UInt32) {
        self.init()
        detached.size = detachedSize
    }
}

extension ProtoAgentMessage: DetachableMessage {
    var detachedSize: UInt32? {
        if case .detached(let detached) = kind { detached.size } else { nil }
    }

    init(detachedSize: UInt32) {
        self.init()
        detached.size = detachedSize
    }
}

/// Control messages over frames: a small one is a header, a large one is announced and follows in
/// as many bodies as it takes, up to ``WireLimits/message``.
extension FrameConnection {
    nonisolated(nonsending) func send(_ message: some ControlMessage) async throws {
        for frame in try Self.frames(of: message.proto) { try await send(frame) }
    }

    static func frames<Proto: DetachableMessage>(
        of message: Proto
    ) throws(WireError) -> [Frame] {
        let bytes = encodedBytes(of: message)
        if bytes.count <= WireLimits.header { return [Frame(header: bytes)] }
        guard bytes.count <= WireLimits.message else {
            throw WireError.oversized(
                part: "message", length: bytes.count, limit: WireLimits.message)
        }
        let announcement = encodedBytes(of: Proto(detachedSize: UInt32(bytes.count)))
        return stride(from: 0, to: bytes.count, by: WireLimits.body).map { start in
            Frame(
                header: start == 0 ? announcement : [],
                body: Array(bytes[start..<min(start + WireLimits.body, bytes.count)]))
        }
    }

    /// The next message; kinds of newer releases are skipped.
    ///
    /// - Returns: `nil` at an orderly end of the stream.
    nonisolated(nonsending) func receive<Content: ControlMessage>(
        _ type: Content.Type
    ) async throws -> Content? {
        while let frame = try await receive() {
            var proto = try decodedMessage(Content.Proto.self, from: frame.header)
            if let size = proto.detachedSize {
                let bytes = try await collect(Int(size), startingWith: frame.body)
                proto = try decodedMessage(Content.Proto.self, from: bytes)
            }
            if let content = try Content.decoding(proto) { return content }
        }
        return nil
    }

    private nonisolated(nonsending) func collect(
        _ size: Int, startingWith first: [UInt8]
    ) async throws -> [UInt8] {
        guard size <= WireLimits.message else {
            throw WireError.oversized(part: "message", length: size, limit: WireLimits.message)
        }
        var bytes = first
        while bytes.count < size {
            guard let frame = try await receive() else { throw WireError.truncated }
            guard frame.header.isEmpty, !frame.body.isEmpty else {
                throw WireError.unexpected("frame inside a message")
            }
            bytes += frame.body
        }
        guard bytes.count == size else { throw WireError.invalid("detached.size", size) }
        return bytes
    }
}
