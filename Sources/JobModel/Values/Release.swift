/// The release that this source is: of the command, the coordinator and the agent alike.
package enum Release {
    package static let text = "0.1.0"

    /// Whether a release is a later one: their numbers are compared, the first one first. What is
    /// no release is never later.
    package static func isNewer(_ one: String, than other: String) -> Bool {
        guard let one = numbers(one), let other = numbers(other) else { return false }
        return other.lexicographicallyPrecedes(one)
    }

    private static func numbers(_ text: String) -> [Int]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        return parts.contains(nil) || parts.count != 3 ? nil : parts.compactMap(\.self)
    }
}
