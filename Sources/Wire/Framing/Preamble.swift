/// The 16 bytes that each side sends first, and the search for the peer's behind whatever a login
/// shell printed before.
///
/// The first byte is not ASCII and comes once; the line ends and the NUL that follow do not survive
/// a terminal or a conversion of text, so a connection that mangles bytes is found out here (after
/// the signature of PNG, ISO/IEC 15948, 5.2).
package struct Preamble: Sendable {
    package static let magic: [UInt8] =
        [0x89] + Array("SHUNT".utf8) + [0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0xFF] + Array("wire".utf8)

    /// Stand before ours, for the peer to skip: start-up files of its login shell that read a line,
    /// or some, take these.
    package static let emptyLines = [UInt8](repeating: 0x0A, count: 16)

    /// Bytes of the magic that the last bytes seen were.
    private var matched = 0
    /// Bytes seen that are no part of a preamble.
    private(set) package var skipped = 0

    package init() {}

    /// Looks through the next bytes.
    ///
    /// - Returns: where what follows the preamble starts in them; `nil` if it has not come yet.
    /// - Throws: ``WireError/noPreamble(skipped:)`` after 64 KiB of something else.
    package mutating func scan(_ bytes: [UInt8]) throws(WireError) -> Int? {
        for (index, byte) in bytes.enumerated() {
            if byte == Self.magic[matched] {
                matched += 1
                if matched == Self.magic.count { return index + 1 }
                continue
            }
            // The first byte stands nowhere else in the magic: a match can only start over here.
            skipped += matched
            matched = byte == Self.magic[0] ? 1 : 0
            skipped += 1 - matched
            guard skipped <= WireLimits.junk else {
                throw WireError.noPreamble(skipped: skipped)
            }
        }
        return nil
    }
}
