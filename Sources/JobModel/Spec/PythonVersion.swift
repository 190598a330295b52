/// A minor version of Python, as in `3.11`: compiled packages fit one and no other.
package struct PythonVersion: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// - Parameter text: `3.11`, or with more numbers behind it, which do not count.
    /// - Returns: `nil` for anything else.
    package init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count >= 2, let major = Self.number(numbers[0]),
            let minor = Self.number(numbers[1])
        else { return nil }
        self.init(major: major, minor: minor)
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Int(text)
    }

    package var description: String { "\(major).\(minor)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let version = PythonVersion(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is no version of Python")
        }
        self = version
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Minor versions of Python, one or more beside each other: `3.11`, `>=3.10`, `>=3.10,<3.13`.
package struct PythonRange: Hashable, Sendable, Codable, CustomStringConvertible {
    package let lowest: PythonVersion
    /// The first that is too high; `nil` where none is.
    package let end: PythonVersion?

    /// - Parameter end: above `lowest`.
    /// - Returns: `nil` where no version is in it.
    package init?(from lowest: PythonVersion, below end: PythonVersion?) {
        if let end, end <= lowest { return nil }
        self.lowest = lowest
        self.end = end
    }

    /// One version and no other.
    package init(_ version: PythonVersion) {
        lowest = version
        end = PythonVersion(major: version.major, minor: version.minor + 1)
    }

    /// The version, where there is only one.
    package var only: PythonVersion? { self == PythonRange(lowest) ? lowest : nil }

    /// Whether a version is one of these.
    package func contains(_ version: PythonVersion) -> Bool {
        version >= lowest && end.map { version < $0 } ?? true
    }

    /// - Parameter text: as ``description`` has it.
    /// - Returns: `nil` for anything else.
    package init?(_ text: String) {
        if let version = PythonVersion(text) {
            self.init(version)
            return
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, first.hasPrefix(">="),
            let lowest = PythonVersion(String(first.dropFirst(2)))
        else { return nil }
        guard parts.count == 2 else {
            self.init(from: lowest, below: nil)
            return
        }
        guard parts[1].hasPrefix("<"), let end = PythonVersion(String(parts[1].dropFirst()))
        else { return nil }
        self.init(from: lowest, below: end)
    }

    package var description: String {
        only?.description ?? ">=\(lowest)" + (end.map { ",<\($0)" } ?? "")
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let range = PythonRange(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "`\(text)` is no range of versions of Python")
        }
        self = range
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
