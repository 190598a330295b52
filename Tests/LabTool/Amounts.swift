/// Times and rates as people write them.
enum Amounts {
    /// Reads `25ms`, `1s`, `500us`.
    static func duration(_ text: String) -> Duration? {
        guard let (value, unit) = split(text) else { return nil }
        return switch unit {
        case "us": .microseconds(value)
        case "ms": .milliseconds(value)
        case "s": .seconds(value)
        default: nil
        }
    }

    /// Reads `100mbit`, `64kbit`, `1gbit`, `9600bit`, in bits per second.
    static func rate(_ text: String) -> Int? {
        guard let (value, unit) = split(text), value > 0 else { return nil }
        let scale: Int? =
            switch unit {
            case "bit": 1
            case "kbit": 1_000
            case "mbit": 1_000_000
            case "gbit": 1_000_000_000
            default: nil
            }
        return scale.map { Int(value * Double($0)) }
    }

    private static func split(_ text: String) -> (Double, Substring)? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        guard let value = Double(digits), value < 1e9 else { return nil }
        return (value, text.dropFirst(digits.count))
    }
}
