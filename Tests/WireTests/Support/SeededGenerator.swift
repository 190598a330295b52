import TestSupport

/// Values as messages hold them.
extension SeededGenerator {
    /// Text with all that text may hold: nothing, spaces, line ends, NUL, any plane of Unicode.
    mutating func text(upTo length: Int = 40) -> String {
        let odd: [Unicode.Scalar] = ["\0", "\n", "\"", "`", " ", "é", "\u{10FFFF}", "漢", "😀"]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<below(length + 1) {
            let scalar = chance(6) ? pick(odd) : Unicode.Scalar(UInt8(32 + below(95)))
            scalars.append(scalar)
        }
        return String(scalars)
    }

    mutating func optional<Value>(_ make: (inout Self) -> Value) -> Value? {
        chance(3) ? nil : make(&self)
    }

    mutating func list<Value>(upTo count: Int, _ make: (inout Self) -> Value) -> [Value] {
        (0..<below(count + 1)).map { _ in make(&self) }
    }
}
