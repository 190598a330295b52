/// A value that is a string of a fixed grammar: parsed once at the border, trusted afterwards.
/// In JSON it is that string.
package protocol TextIdentifier: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// The text, always valid.
    var text: String { get }
    /// - Returns: `nil` if the text is not of this kind's grammar.
    init?(_ text: String)
}

extension TextIdentifier {
    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is not a valid \(Self.self)")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// A job's ID: six symbols of Crockford's Base32 in lower case, such as `7f3k2a`.
package struct JobID: TextIdentifier {
    package let text: String

    /// The symbols, without i, l, o and u, which are misread.
    package static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    package static let length = 6

    package init?(_ text: String) {
        guard text.utf8.count == Self.length,
            text.utf8.allSatisfy({ Self.alphabet.contains($0) })
        else { return nil }
        self.text = text
    }

    /// The ID that the low 30 bits of a random number spell.
    package init(random: UInt64) {
        var rest = random
        var units: [UInt8] = []
        for _ in 0..<Self.length {
            units.append(Self.alphabet[Int(rest & 31)])
            rest >>= 5
        }
        text = String(decoding: units, as: UTF8.self)
    }
}

/// One try at running a job, counted from 1: `7f3k2a.2`.
package struct AttemptID: TextIdentifier {
    package let job: JobID
    package let number: Int

    package init(job: JobID, number: Int) {
        precondition(number >= 1, "attempts are counted from 1")
        self.job = job
        self.number = number
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let job = JobID(String(parts[0])),
            let number = Int(parts[1]), number >= 1, String(number) == parts[1]
        else { return nil }
        self.init(job: job, number: number)
    }

    package var text: String { "\(job).\(number)" }
}

/// One node's share of an attempt; ranks count from 0: `7f3k2a.2/0`.
package struct TaskID: TextIdentifier {
    package let attempt: AttemptID
    package let rank: Int

    package init(attempt: AttemptID, rank: Int) {
        precondition(rank >= 0, "ranks are counted from 0")
        self.attempt = attempt
        self.rank = rank
    }

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let attempt = AttemptID(String(parts[0])),
            let rank = Int(parts[1]), rank >= 0, String(rank) == parts[1]
        else { return nil }
        self.init(attempt: attempt, rank: rank)
    }

    package var job: JobID { attempt.job }
    package var text: String { "\(attempt)/\(rank)" }
}

/// Names that people give to workers and jobs: 1 … 63 of `A-Z a-z 0-9 . _ -`, first and last a
/// letter or digit.
package enum NameGrammar {
    /// Whether the text is a name.
    package static func accepts(_ text: String) -> Bool {
        let units = Array(text.utf8)
        guard (1...63).contains(units.count), let first = units.first, let last = units.last,
            isAlphanumeric(first), isAlphanumeric(last)
        else { return false }
        return units.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: "-")
        }
    }

    private static func isAlphanumeric(_ unit: UInt8) -> Bool {
        switch unit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

/// A worker's name, unique within a coordinator.
package struct WorkerName: TextIdentifier {
    package let text: String

    /// The machine that the coordinator itself runs on.
    package static let local = WorkerName(unchecked: "local")

    package init?(_ text: String) {
        guard NameGrammar.accepts(text) else { return nil }
        self.text = text
    }

    private init(unchecked text: String) { self.text = text }
}

/// A name that a person gave a job; many jobs may bear the same one.
package struct JobName: TextIdentifier {
    package let text: String

    package init?(_ text: String) {
        guard NameGrammar.accepts(text) else { return nil }
        self.text = text
    }
}
