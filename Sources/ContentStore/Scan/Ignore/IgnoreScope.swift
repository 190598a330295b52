/// The ignore rules in force in one directory: those of its own `.shuntignore` and of every one
/// above it, nearest first, and below them all the built-in excludes where the root has none.
///
/// Immutable and shared by all directories beneath that bring no rules of their own.
final class IgnoreScope: Sendable {
    private let rules: IgnoreRules
    /// Length of the path, from the root of the snapshot and with its slash, of the directory that
    /// these rules are relative to; 0 for the root.
    private let baseLength: Int
    private let outer: IgnoreScope?
    /// Whether the path of an entry is asked for at all.
    let needsPath: Bool
    /// Whether the built-in excludes are in force, and with them the markers of environments.
    let usesBuiltIns: Bool

    static let fileName = Array(".shuntignore".utf8)

    private init(
        rules: IgnoreRules, baseLength: Int, outer: IgnoreScope?, usesBuiltIns: Bool
    ) {
        self.rules = rules
        self.baseLength = baseLength
        self.outer = outer
        self.usesBuiltIns = usesBuiltIns
        needsPath = rules.needsPath || outer?.needsPath ?? false
    }

    /// The scope of a root.
    ///
    /// - Parameter rules: those of its `.shuntignore`, or `nil` where there is none.
    static func root(_ rules: IgnoreRules?) -> IgnoreScope {
        IgnoreScope(
            rules: rules ?? BuiltInExcludes.rules, baseLength: 0, outer: nil,
            usesBuiltIns: rules == nil)
    }

    /// The scope of a directory with a `.shuntignore` of its own.
    ///
    /// - Parameter directory: its path from the root, without a slash at the end.
    func nested(_ rules: IgnoreRules, directory: [UInt8]) -> IgnoreScope {
        IgnoreScope(
            rules: rules, baseLength: directory.count + 1, outer: self, usesBuiltIns: usesBuiltIns)
    }

    /// What the rules say of one entry of this scope's directory or one beneath.
    struct Decision {
        var verdict: IgnoreRules.Verdict
        /// The negated pattern that decided, where one did.
        var pattern: IgnorePattern?
    }

    /// - Parameters:
    ///   - path: the entry's path from the root of the snapshot. Where ``needsPath`` is false it
    ///     may be the name alone.
    ///   - nameStart: where in it the name begins.
    ///   - directoryLength: length of the path of the directory that holds the entry, with its
    ///     slash, which is `nameStart` wherever the path is whole.
    func decide(
        path: UnsafeBufferPointer<UInt8>, nameStart: Int, directoryLength: Int, isDirectory: Bool
    ) -> Decision {
        let name = UnsafeBufferPointer(rebasing: path[nameStart...])
        if name.elementsEqual(BuiltInExcludes.alwaysExcluded) {
            return Decision(verdict: .excluded, pattern: nil)
        }
        var scope: IgnoreScope? = self
        while let current = scope {
            let isWhole = nameStart == directoryLength
            let relative =
                isWhole ? UnsafeBufferPointer(rebasing: path[current.baseLength...]) : name
            if let pattern = current.rules.deciding(
                name: name, path: relative, isAtBase: directoryLength == current.baseLength,
                isDirectory: isDirectory)
            {
                return pattern.isNegated
                    ? Decision(verdict: .included, pattern: pattern)
                    : Decision(verdict: .excluded, pattern: nil)
            }
            scope = current.outer
        }
        return Decision(verdict: .undecided, pattern: nil)
    }
}
