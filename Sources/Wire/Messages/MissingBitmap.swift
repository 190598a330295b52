/// Which of a list of things somebody lacks: a bit for each, the first in the lowest bit of the
/// first byte, set where it is missing.
package struct MissingBitmap: Hashable, Sendable {
    /// How many things it speaks of.
    package private(set) var count: Int
    /// Bits beyond `count` are zero.
    package private(set) var bytes: [UInt8]

    package init() {
        count = 0
        bytes = []
    }

    package init(_ flags: some Sequence<Bool>) {
        self.init()
        for flag in flags { append(flag) }
    }

    /// - Returns: `nil` if the bytes are not exactly those of so many bits.
    init?(count: Int, bytes: [UInt8]) {
        guard count >= 0, bytes.count == (count + 7) / 8 else { return nil }
        if count % 8 != 0, let last = bytes.last, last >> (count % 8) != 0 { return nil }
        self.count = count
        self.bytes = bytes
    }

    /// Says it of the next thing.
    package mutating func append(_ isMissing: Bool) {
        if count % 8 == 0 { bytes.append(0) }
        if isMissing { bytes[count / 8] |= 1 << (count % 8) }
        count += 1
    }

    /// Whether the thing at `index`, which is below ``count``, is missing.
    package subscript(index: Int) -> Bool {
        precondition(index < count, "the bitmap ends before \(index)")
        return bytes[index / 8] >> (index % 8) & 1 == 1
    }
}
