/// The unit of everything after the preamble: lengths of header and body as 32-bit little-endian
/// integers, the header (an encoded message), the body (raw bytes).
package struct Frame: Hashable, Sendable {
    /// At most ``WireLimits/header`` bytes.
    package var header: [UInt8]
    /// At most ``WireLimits/body`` bytes.
    package var body: [UInt8]

    /// Bytes of the two lengths.
    package static let prefixLength = 8

    package init(header: [UInt8], body: [UInt8] = []) {
        self.header = header
        self.body = body
    }

    /// What the frame is on the wire.
    ///
    /// - Throws: ``WireError/oversized(part:length:limit:)``.
    package func encoded() throws(WireError) -> [UInt8] {
        try Self.check(header: header.count, body: body.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.prefixLength + header.count + body.count)
        for length in [UInt32(header.count), UInt32(body.count)] {
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
        }
        bytes.append(contentsOf: header)
        bytes.append(contentsOf: body)
        return bytes
    }

    static func check(header: Int, body: Int) throws(WireError) {
        guard header <= WireLimits.header else {
            throw WireError.oversized(
                part: "frame header", length: header, limit: WireLimits.header)
        }
        guard body <= WireLimits.body else {
            throw WireError.oversized(part: "frame body", length: body, limit: WireLimits.body)
        }
    }
}
