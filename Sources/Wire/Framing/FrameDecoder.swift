/// Cuts what a stream delivers into frames. Holds at most one frame and one chunk: lengths are
/// checked as soon as they are there, before anything is allocated for them.
package struct FrameDecoder: Sendable {
    private var chunk = Chunk()
    private var prefix: [UInt8] = []
    private var headerLength = 0
    private var bodyLength = 0
    private var hasLengths = false
    private var header: [UInt8] = []
    private var body: [UInt8] = []

    package init() {}

    /// Takes the next bytes. Only to be called once ``next()`` has returned `nil`.
    ///
    /// - Parameter start: where they start to count.
    package mutating func append(_ bytes: [UInt8], from start: Int = 0) {
        precondition(chunk.isUsedUp, "the decoder still holds bytes")
        chunk = Chunk(bytes: bytes, position: start)
    }

    /// The next frame, or `nil` if more bytes are needed.
    ///
    /// - Throws: ``WireError/oversized(part:length:limit:)``; nothing that follows can be found
    ///   after that.
    package mutating func next() throws(WireError) -> Frame? {
        if !hasLengths {
            guard chunk.fill(&prefix, upTo: Frame.prefixLength) else { return nil }
            headerLength = Self.length(prefix, at: 0)
            bodyLength = Self.length(prefix, at: 4)
            try Frame.check(header: headerLength, body: bodyLength)
            hasLengths = true
        }
        guard chunk.fill(&header, upTo: headerLength), chunk.fill(&body, upTo: bodyLength) else {
            return nil
        }
        let frame = Frame(header: header, body: body)
        prefix = []
        header = []
        body = []
        hasLengths = false
        return frame
    }

    /// Whether the bytes so far end with a frame: an end of the stream is then an orderly one.
    package var isAtBoundary: Bool {
        prefix.isEmpty && !hasLengths && chunk.isUsedUp
    }

    private static func length(_ prefix: [UInt8], at offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(prefix[offset + $1]) << (8 * $1) }
    }
}

/// What came last, and how far it has been used.
private struct Chunk: Sendable {
    var bytes: [UInt8] = []
    var position = 0

    var isUsedUp: Bool { position == bytes.count }

    /// Moves bytes on until `buffer` has `length` of them.
    ///
    /// - Returns: whether it has.
    mutating func fill(_ buffer: inout [UInt8], upTo length: Int) -> Bool {
        let count = min(length - buffer.count, bytes.count - position)
        if count > 0 {
            if buffer.isEmpty { buffer.reserveCapacity(length) }
            buffer.append(contentsOf: bytes[position..<position + count])
            position += count
        }
        return buffer.count == length
    }
}
