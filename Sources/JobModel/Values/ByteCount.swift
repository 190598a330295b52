/// An amount of bytes, 0 … 2⁶³−1.
package struct ByteCount: Hashable, Sendable, Codable {
    package var bytes: Int64

    package init(_ bytes: Int64) {
        precondition(bytes >= 0, "a byte count is never negative")
        self.bytes = bytes
    }

    package static let zero = ByteCount(0)
    /// Units of 2¹⁰ bytes.
    package static func kibibytes(_ count: Int64) -> ByteCount { ByteCount(count << 10) }
    /// Units of 2²⁰ bytes.
    package static func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }
    /// Units of 2³⁰ bytes.
    package static func gibibytes(_ count: Int64) -> ByteCount { ByteCount(count << 30) }

    /// Reads what people write: `4096`, `512MiB`, `8 GiB`, `1.5GB`, `8G` (binary, as in memory
    /// sizes). Units are case-sensitive but for a leading `k`; a fraction has at most three digits.
    ///
    /// - Returns: `nil` for anything else, and for amounts above 2⁶³−1 bytes.
    package init?(parsing text: some StringProtocol) {
        let utf8 = Array(text.utf8)
        var index = 0
        var mantissa: Int64 = 0
        var scale: Int64 = 1
        var sawDigit = false
        var inFraction = false
        scan: while index < utf8.count {
            switch utf8[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (tens, overflow) = mantissa.multipliedReportingOverflow(by: 10)
                let (sum, carry) = tens.addingReportingOverflow(
                    Int64(utf8[index] - UInt8(ascii: "0")))
                if overflow || carry { return nil }
                mantissa = sum
                sawDigit = true
                if inFraction {
                    scale *= 10
                    if scale > 1000 { return nil }
                }
            case UInt8(ascii: ".") where sawDigit && !inFraction:
                inFraction = true
            default: break scan
            }
            index += 1
        }
        guard sawDigit, !(inFraction && scale == 1) else { return nil }
        while index < utf8.count, utf8[index] == UInt8(ascii: " ") { index += 1 }
        guard let unit = Self.units[String(decoding: utf8[index...], as: UTF8.self)] else {
            return nil
        }
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: unit)
        if overflow { return nil }
        self.bytes = product / scale
    }

    private static let units: [String: Int64] = [
        "": 1, "B": 1,
        "K": 1 << 10, "Ki": 1 << 10, "KiB": 1 << 10, "kB": 1000, "KB": 1000, "k": 1 << 10,
        "M": 1 << 20, "Mi": 1 << 20, "MiB": 1 << 20, "MB": 1_000_000,
        "G": 1 << 30, "Gi": 1 << 30, "GiB": 1 << 30, "GB": 1_000_000_000,
        "T": 1 << 40, "Ti": 1 << 40, "TiB": 1 << 40, "TB": 1_000_000_000_000,
    ]
}

extension ByteCount: Comparable {
    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
    package static func + (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(left.bytes + right.bytes)
    }
    package static func += (left: inout ByteCount, right: ByteCount) { left = left + right }
    /// The difference, or zero where it would be negative.
    package static func - (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(max(0, left.bytes - right.bytes))
    }
}

extension ByteCount: CustomStringConvertible {
    /// Binary units with one decimal below ten: `0 B`, `512 B`, `1.5 KiB`, `23 MiB`.
    package var description: String {
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var unit = 0
        var divisor: Int64 = 1
        while unit < names.count - 1, bytes / divisor >= 1024 {
            divisor <<= 10
            unit += 1
        }
        let whole = bytes / divisor
        if unit == 0 || whole >= 10 { return "\(whole) \(names[unit])" }
        // Ten times the rest of an exbibyte does not fit into 64 bits.
        let tenths = divisor.dividingFullWidth((bytes % divisor).multipliedFullWidth(by: 10))
            .quotient
        return "\(whole).\(tenths) \(names[unit])"
    }
}
