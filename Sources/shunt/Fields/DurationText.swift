internal import JobModel

/// Spans of time as people write and read them.
enum DurationText {
    private static let units: [(name: Character, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
    ]

    /// Reads `45s`, `90m`, `1h30m`, `2d12h`: whole numbers, each with its unit, in falling order.
    ///
    /// - Returns: `nil` for anything else, and for what Int64 milliseconds cannot hold.
    static func parse(_ text: String) -> Milliseconds? {
        var total: Int64 = 0
        var rest = text[...]
        var remaining = units[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int64(digits), let unit = rest.dropFirst(digits.count).first,
                let index = remaining.firstIndex(where: { $0.name == unit })
            else { return nil }
            let (part, overflow) = count.multipliedReportingOverflow(
                by: remaining[index].milliseconds)
            let (sum, carry) = total.addingReportingOverflow(part)
            if overflow || carry { return nil }
            total = sum
            remaining = remaining[(index + 1)...]
            rest = rest.dropFirst(digits.count + 1)
        }
        return Milliseconds(total)
    }

    /// The two largest units: `0.4s`, `12s`, `3m05s`, `2h10m`, `5d3h`.
    static func describe(_ duration: Milliseconds) -> String {
        let seconds = max(0, duration.count) / 1000
        if seconds < 10 {
            return "\(seconds).\(max(0, duration.count) % 1000 / 100)s"
        }
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m\(padded(seconds % 60))s"
        case ..<86_400: return "\(seconds / 3600)h\(padded(seconds / 60 % 60))m"
        default: return "\(seconds / 86_400)d\(seconds / 3600 % 24)h"
        }
    }

    /// The largest unit alone: `now`, `12s`, `3m`, `2h`, `5d`.
    static func age(_ duration: Milliseconds) -> String {
        let seconds = max(0, duration.count) / 1000
        switch seconds {
        case ..<1: return "now"
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }

    private static func padded(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
