internal import JobModel

/// The patterns of one ignore file, compiled once and asked for every entry of a tree.
///
/// The syntax is gitignore(5)'s, on raw bytes; the last pattern that matches decides. Names
/// without wildcards, most of all patterns in practice, are found by one hash of the name; the
/// rest are tried from the last one up, and only while they could still decide.
///
/// One file knows nothing of others: how files nest, and that nothing below an excluded directory
/// is looked at, is ``IgnoreScope``'s and the walk's part.
package struct IgnoreRules: Sendable {
    /// What the deciding pattern says of an entry.
    package enum Verdict: Sendable, Hashable {
        case excluded
        /// A negated pattern matched last.
        case included
        /// No pattern matched.
        case undecided
    }

    /// The largest ignore file that is read, in bytes.
    package static let fileLimit = 1 << 20
    /// The most patterns in one file.
    package static let patternLimit = 10_000

    private var patterns: [IgnorePattern] = []
    /// The patterns that are not literal names, in order.
    private var searched: [SearchKey] = []
    private var names = LiteralNames()
    /// Whether any pattern needs the path of an entry, not just its name.
    private(set) var needsPath = false

    /// - Parameter text: the file's bytes, with line feeds or carriage returns and line feeds.
    /// - Throws: ``ShuntError`` `refused` above ``patternLimit`` patterns.
    package init(parsing text: some Collection<UInt8>) throws {
        var body = Array(text)
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { body.removeFirst(3) }
        for rawLine in body.split(separator: UInt8(ascii: "\n")) {
            var line = rawLine
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard line.first != UInt8(ascii: "#"), let pattern = IgnorePattern(line: line) else {
                continue
            }
            guard patterns.count < Self.patternLimit else {
                throw ShuntError(
                    .refused, "an ignore file has more than \(Self.patternLimit) patterns",
                    hint: "wc -l .shuntignore")
            }
            add(pattern)
        }
    }

    /// Rules of our own, whose count is known to be small.
    init(patterns lines: [String]) {
        for line in lines {
            if let pattern = IgnorePattern(line: line.utf8) { add(pattern) }
        }
    }

    private mutating func add(_ pattern: IgnorePattern) {
        let index = patterns.count
        patterns.append(pattern)
        switch pattern.matcher {
        case .literalName(let bytes):
            names.insert(bytes, index: index)
            return
        case .path: needsPath = true
        case .nameAtBase, .nameSuffix, .namePrefix, .name: break
        }
        searched.append(SearchKey(pattern, index: index))
    }

    /// What can be seen of a pattern without touching it, which costs more than most refusals.
    private struct SearchKey: Sendable {
        let index: Int
        let directoriesOnly: Bool
        /// The byte that a name must begin or end with.
        let first: UInt8?
        let last: UInt8?

        init(_ pattern: IgnorePattern, index: Int) {
            self.index = index
            directoriesOnly = pattern.directoriesOnly
            switch pattern.matcher {
            case .nameSuffix(let bytes): (first, last) = (nil, bytes.last)
            case .namePrefix(let bytes): (first, last) = (bytes.first, nil)
            case .name(let glob), .nameAtBase(let glob):
                if case .byte(let byte)? = glob.steps.first { first = byte } else { first = nil }
                if case .byte(let byte)? = glob.steps.last { last = byte } else { last = nil }
            case .literalName, .path: (first, last) = (nil, nil)
            }
        }

        func admits(_ name: UnsafeBufferPointer<UInt8>, isDirectory: Bool) -> Bool {
            if directoriesOnly, !isDirectory { return false }
            if let first, first != name[0] { return false }
            if let last, last != name[name.count - 1] { return false }
            return true
        }
    }

    package var isEmpty: Bool { patterns.isEmpty }

    /// Decides about one entry.
    ///
    /// - Parameters:
    ///   - name: its name, without slashes.
    ///   - path: its path from the directory that holds the file; may be just the name where
    ///     ``needsPath`` is false and `isAtBase` tells the rest.
    ///   - isAtBase: whether that directory holds the entry itself.
    func verdict(
        name: UnsafeBufferPointer<UInt8>, path: UnsafeBufferPointer<UInt8>, isAtBase: Bool,
        isDirectory: Bool
    ) -> Verdict {
        guard
            let index = decidingPattern(
                name: name, path: path, isAtBase: isAtBase, isDirectory: isDirectory)
        else { return .undecided }
        return patterns[index].isNegated ? .included : .excluded
    }

    /// Decides about one entry by its path from the directory that holds the file. For callers
    /// with few entries: it does not look whether a parent is excluded.
    package func verdict(path: [UInt8], isDirectory: Bool) -> Verdict {
        path.withUnsafeBufferPointer { path in
            let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
            return verdict(
                name: UnsafeBufferPointer(rebasing: path[start...]), path: path,
                isAtBase: start == 0, isDirectory: isDirectory)
        }
    }

    /// The pattern that decides, for those who must know what it names.
    func deciding(
        name: UnsafeBufferPointer<UInt8>, path: UnsafeBufferPointer<UInt8>, isAtBase: Bool,
        isDirectory: Bool
    ) -> IgnorePattern? {
        decidingPattern(name: name, path: path, isAtBase: isAtBase, isDirectory: isDirectory)
            .map { patterns[$0] }
    }

    private func decidingPattern(
        name: UnsafeBufferPointer<UInt8>, path: UnsafeBufferPointer<UInt8>, isAtBase: Bool,
        isDirectory: Bool
    ) -> Int? {
        var best = -1
        names.forEachIndex(of: name) { index in
            if index > best, isDirectory || !patterns[index].directoriesOnly { best = index }
        }
        var position = searched.count - 1
        while position >= 0, !name.isEmpty {
            let key = searched[position]
            if key.index < best { break }
            if key.admits(name, isDirectory: isDirectory),
                matches(patterns[key.index].matcher, name: name, path: path, isAtBase: isAtBase)
            {
                return key.index
            }
            position -= 1
        }
        return best >= 0 ? best : nil
    }

    private func matches(
        _ matcher: IgnorePattern.Matcher, name: UnsafeBufferPointer<UInt8>,
        path: UnsafeBufferPointer<UInt8>, isAtBase: Bool
    ) -> Bool {
        switch matcher {
        case .literalName(let bytes): equal(bytes, name[...])
        case .nameSuffix(let bytes): equal(bytes, name.suffix(bytes.count))
        case .namePrefix(let bytes): equal(bytes, name.prefix(bytes.count))
        case .name(let glob): glob.matches(name)
        case .nameAtBase(let glob): isAtBase && glob.matches(name)
        case .path(let components): IgnorePattern.matches(components, path: path)
        }
    }

    private func equal(_ bytes: [UInt8], _ slice: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard bytes.count == slice.count else { return false }
        for index in 0..<bytes.count where bytes[index] != slice[slice.startIndex + index] {
            return false
        }
        return true
    }
}
