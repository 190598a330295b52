/// One line of an ignore file, compiled as gitignore(5) defines it.
///
/// A pattern is split at its slashes into components. Without a slash (but for one at its end) it
/// is matched against the name of an entry at any depth below the file that holds it; with one,
/// against the whole path from that file's directory. `**` as a component stands for any number
/// of directories. What cannot match anything (an unclosed bracket, a backslash at the end, an
/// empty component) is no error in git either: such a line has no effect.
struct IgnorePattern: Sendable {
    enum Component: Sendable {
        case name(GlobPattern)
        /// Zero or more directories.
        case anyDepth
    }

    /// How the pattern is tested, the cheap kinds apart.
    enum Matcher: Sendable {
        case literalName([UInt8])
        case nameSuffix([UInt8])
        case namePrefix([UInt8])
        case name(GlobPattern)
        /// As ``name``, but only for entries of the directory that holds the ignore file.
        case nameAtBase(GlobPattern)
        case path([Component])
    }

    let isNegated: Bool
    let directoriesOnly: Bool
    let matcher: Matcher

    /// - Parameter line: without its line feed, a carriage return before it, and comments.
    /// - Returns: `nil` for a line that can match nothing.
    init?(line: some Collection<UInt8>) {
        var text = Self.trimmed(line)
        if text.first == UInt8(ascii: "!") {
            isNegated = true
            text.removeFirst()
        } else {
            isNegated = false
        }
        if text.last == UInt8(ascii: "/") {
            directoriesOnly = true
            text.removeLast()
        } else {
            directoriesOnly = false
        }
        let isPath = text.contains(UInt8(ascii: "/"))
        if text.first == UInt8(ascii: "/") { text.removeFirst() }
        guard !text.isEmpty, let components = IgnorePatternParser.components(of: text),
            let matcher = Self.matcher(for: components, isPath: isPath)
        else { return nil }
        self.matcher = matcher
    }

    /// What a reader needs to see of a negated pattern to tell what it names: its last component
    /// without wildcards, and whether there were any.
    var lastComponent: (literalBytes: [UInt8], hasWildcards: Bool) {
        let glob: GlobPattern
        switch matcher {
        case .literalName(let bytes): return (bytes, false)
        case .nameSuffix(let bytes), .namePrefix(let bytes): return (bytes, true)
        case .name(let pattern), .nameAtBase(let pattern): glob = pattern
        case .path(let components):
            guard case .name(let pattern)? = components.last else { return ([], true) }
            glob = pattern
        }
        let bytes = glob.steps.compactMap { step -> UInt8? in
            if case .byte(let byte) = step { byte } else { nil }
        }
        return (bytes, bytes.count != glob.steps.count)
    }

    /// Cuts at a NUL, as C does, and drops trailing spaces unless a backslash quotes them.
    private static func trimmed(_ line: some Collection<UInt8>) -> [UInt8] {
        let text = Array(line.prefix { $0 != 0 })
        var end = 0
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count {
                index += 2
                end = index
            } else {
                if text[index] != UInt8(ascii: " ") { end = index + 1 }
                index += 1
            }
        }
        return Array(text[..<end])
    }

    private static func matcher(for components: [Component], isPath: Bool) -> Matcher? {
        // `**/name` is `name`: any depth is what a pattern without a slash means.
        var name: GlobPattern?
        if components.count == 1, case .name(let glob) = components[0] {
            if isPath { return .nameAtBase(glob) }
            name = glob
        } else if components.count == 2, case .anyDepth = components[0],
            case .name(let glob) = components[1]
        {
            name = glob
        }
        guard let name else { return .path(components) }
        if let literal = name.literal { return .literalName(literal) }
        if let suffix = name.literalAfterStar { return .nameSuffix(suffix) }
        if let prefix = name.literalBeforeStar { return .namePrefix(prefix) }
        return .name(name)
    }

    /// Whether the components match the whole of a path. The last `**` alone is tried again
    /// further on, so the time stays polynomial.
    static func matches(_ components: [Component], path: UnsafeBufferPointer<UInt8>) -> Bool {
        var component = 0
        var position = 0
        var retryComponent = -1
        var retryPosition = 0
        while position <= path.count {
            if component < components.count {
                switch components[component] {
                case .anyDepth:
                    retryComponent = component + 1
                    retryPosition = position
                    component += 1
                    if component == components.count { return true }
                    continue
                case .name(let glob):
                    let end = endOfComponent(in: path, from: position)
                    if glob.matches(UnsafeBufferPointer(rebasing: path[position..<end])) {
                        component += 1
                        position = end + 1
                        continue
                    }
                }
            }
            guard retryComponent >= 0 else { return false }
            retryPosition = endOfComponent(in: path, from: retryPosition) + 1
            position = retryPosition
            component = retryComponent
        }
        // The path is used up: only a `**` at the end needs no more of it.
        guard component == components.count - 1 else { return component == components.count }
        if case .anyDepth = components[component] { return true }
        return false
    }

    private static func endOfComponent(
        in path: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int {
        var end = start
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        return end
    }
}
