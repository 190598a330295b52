/// Splits the text of a pattern into components. It reads what git's `wildmatch.c` reads under
/// `WM_PATHNAME`, so that a bracket may hold a slash (which it never matches) and a run of stars
/// is `**` only where slashes or the ends of the pattern stand on both sides.
struct IgnorePatternParser {
    private let text: [UInt8]
    private var index = 0
    private var components: [IgnorePattern.Component] = []
    private var current = GlobPattern()
    /// Set by a `**` at the end, the one component that needs no name after it.
    private var endsAtAnyDepth = false

    private static let slash = UInt8(ascii: "/")
    private static let backslash = UInt8(ascii: "\\")

    private init(text: [UInt8]) { self.text = text }

    /// - Returns: `nil` where the pattern can match nothing.
    static func components(of text: [UInt8]) -> [IgnorePattern.Component]? {
        var parser = IgnorePatternParser(text: text)
        return parser.parse() ? parser.components : nil
    }

    private mutating func parse() -> Bool {
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case Self.slash:
                guard endComponent() else { return false }
            case Self.backslash:
                guard index < text.count else { return false }
                let quoted = text[index]
                index += 1
                if quoted == Self.slash {
                    guard endComponent() else { return false }
                } else {
                    current.append(quoted)
                }
            case UInt8(ascii: "?"): current.appendAnyByte()
            case UInt8(ascii: "*"): parseStars()
            case UInt8(ascii: "["):
                guard let set = parseSet() else { return false }
                current.append(set)
            default: current.append(byte)
            }
        }
        return endsAtAnyDepth || endComponent()
    }

    /// A slash closes a name; after `**` it has been read already, so an empty name means that
    /// two slashes met, which no path has.
    private mutating func endComponent() -> Bool {
        guard !current.steps.isEmpty else { return false }
        components.append(.name(current))
        current = GlobPattern()
        return true
    }

    /// Reads the rest of a run of stars.
    private mutating func parseStars() {
        let isAtStart = current.steps.isEmpty
        let first = index - 1
        while index < text.count, text[index] == UInt8(ascii: "*") { index += 1 }
        guard index - first >= 2, isAtStart else { return current.appendStar() }
        if index == text.count {
            // `dir/**` is what lies below `dir`, not `dir` itself: at least one name.
            if !components.isEmpty { components.append(.name(Self.anyName)) }
            components.append(.anyDepth)
            endsAtAnyDepth = true
        } else if text[index] == Self.slash {
            index += 1
            components.append(.anyDepth)
        } else if text[index] == Self.backslash, index + 1 < text.count,
            text[index + 1] == Self.slash
        {
            // git takes the quoted slash literally and so wants at least one directory.
            index += 2
            components.append(.name(Self.anyName))
            components.append(.anyDepth)
        } else {
            current.appendStar()
        }
    }

    private static let anyName: GlobPattern = {
        var glob = GlobPattern()
        glob.appendStar()
        return glob
    }()

    /// Reads a bracket expression after its `[`.
    ///
    /// - Returns: `nil` where it is not closed or names an unknown class.
    private mutating func parseSet() -> ByteSet? {
        var set = ByteSet()
        var isInverted = false
        if index < text.count, text[index] == UInt8(ascii: "!") || text[index] == UInt8(ascii: "^")
        {
            isInverted = true
            index += 1
        }
        var previous: UInt8?
        var isFirst = true
        while true {
            guard index < text.count else { return nil }
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "]"), !isFirst { break }
            isFirst = false
            if byte == UInt8(ascii: "-"), let low = previous, index < text.count,
                text[index] != UInt8(ascii: "]")
            {
                guard let high = quotable() else { return nil }
                if low <= high { set.insert(low...high) }
                previous = nil
            } else if byte == UInt8(ascii: "["), index < text.count,
                text[index] == UInt8(ascii: ":")
            {
                switch parseClass(into: &set) {
                case .read: previous = nil
                case .notAClass:
                    set.insert(byte)
                    previous = byte
                case .unknown: return nil
                }
            } else {
                index -= 1
                guard let member = quotable() else { return nil }
                set.insert(member)
                previous = member
            }
        }
        if isInverted { set.invert() }
        return set
    }

    /// One member of a set, without the backslash that may stand before it.
    private mutating func quotable() -> UInt8? {
        if text[index] == Self.backslash { index += 1 }
        guard index < text.count else { return nil }
        index += 1
        return text[index - 1]
    }

    private enum ClassOutcome { case read, notAClass, unknown }

    /// Reads `:name:]` after a `[` inside of a set; the `:` is still to come.
    private mutating func parseClass(into set: inout ByteSet) -> ClassOutcome {
        let start = index + 1
        guard let end = text[start...].firstIndex(of: UInt8(ascii: "]")) else { return .unknown }
        guard end > start, text[end - 1] == UInt8(ascii: ":") else { return .notAClass }
        guard let ranges = Self.classes[String(decoding: text[start..<(end - 1)], as: UTF8.self)]
        else { return .unknown }
        for range in ranges { set.insert(range) }
        index = end + 1
        return .read
    }

    /// The classes of POSIX in the C locale, but that git counts no vertical tab and no form feed
    /// as space.
    private static let classes: [String: [ClosedRange<UInt8>]] = [
        "alnum": [48...57, 65...90, 97...122],
        "alpha": [65...90, 97...122],
        "blank": [9...9, 32...32],
        "cntrl": [0...31, 127...127],
        "digit": [48...57],
        "graph": [33...126],
        "lower": [97...122],
        "print": [32...126],
        "punct": [33...47, 58...64, 91...96, 123...126],
        "space": [9...10, 13...13, 32...32],
        "upper": [65...90],
        "xdigit": [48...57, 65...70, 97...102],
    ]
}
