/// One component of a gitignore pattern, compiled: literal bytes, `?`, `*` and bracket sets.
///
/// Bytes are bytes: a name need not be UTF-8, and `?` stands for one of them, as it does in git.
/// Matching tries a star again only from where the last star stands, so the time is at most the
/// product of the two lengths, whatever the pattern.
struct GlobPattern: Sendable {
    enum Step: Sendable, Equatable {
        case byte(UInt8)
        case anyByte
        case star
        /// Index into ``sets``.
        case set(Int)
    }

    private(set) var steps: [Step] = []
    private(set) var sets: [ByteSet] = []

    mutating func append(_ byte: UInt8) { steps.append(.byte(byte)) }
    mutating func appendAnyByte() { steps.append(.anyByte) }
    mutating func append(_ set: ByteSet) {
        steps.append(.set(sets.count))
        sets.append(set)
    }
    /// Adjacent stars are one.
    mutating func appendStar() {
        if steps.last != .star { steps.append(.star) }
    }

    /// The bytes, where the pattern matches exactly one text.
    var literal: [UInt8]? { Self.bytes(of: steps[...]) }

    /// What follows the star, where the pattern is one star and literal bytes.
    var literalAfterStar: [UInt8]? {
        guard steps.first == .star else { return nil }
        return Self.bytes(of: steps.dropFirst())
    }

    /// What precedes the star, where the pattern is literal bytes and one star.
    var literalBeforeStar: [UInt8]? {
        guard steps.last == .star else { return nil }
        return Self.bytes(of: steps.dropLast())
    }

    private static func bytes(of steps: ArraySlice<Step>) -> [UInt8]? {
        var bytes: [UInt8] = []
        for step in steps {
            guard case .byte(let byte) = step else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Whether the whole of `text`, which holds no slash, matches.
    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var step = 0
        var position = 0
        var starStep = -1
        var starPosition = 0
        while position < text.count {
            if step < steps.count {
                if steps[step] == .star {
                    starStep = step
                    starPosition = position
                    step += 1
                    continue
                }
                if accepts(steps[step], text[position]) {
                    step += 1
                    position += 1
                    continue
                }
            }
            guard starStep >= 0 else { return false }
            starPosition += 1
            position = starPosition
            step = starStep + 1
        }
        return step == steps.count || (step == steps.count - 1 && steps[step] == .star)
    }

    private func accepts(_ step: Step, _ byte: UInt8) -> Bool {
        switch step {
        case .byte(let expected): expected == byte
        case .anyByte: true
        case .set(let index): sets[index].contains(byte)
        case .star: false
        }
    }
}

/// A set of byte values, as a bracket expression names one.
struct ByteSet: Sendable, Equatable {
    private var low: UInt64 = 0
    private var lowMiddle: UInt64 = 0
    private var highMiddle: UInt64 = 0
    private var high: UInt64 = 0

    mutating func insert(_ byte: UInt8) {
        let bit: UInt64 = 1 << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: low |= bit
        case 1: lowMiddle |= bit
        case 2: highMiddle |= bit
        default: high |= bit
        }
    }

    mutating func insert(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    mutating func invert() {
        low = ~low
        lowMiddle = ~lowMiddle
        highMiddle = ~highMiddle
        high = ~high
    }

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: low
            case 1: lowMiddle
            case 2: highMiddle
            default: high
            }
        return word >> UInt64(byte & 63) & 1 == 1
    }
}
