package import JobModel

/// One directory of a tree: its entries in strict byte order of their names. A value of this type
/// is always canonical: it came through ``init(entries:)`` or ``init(decoding:path:)``, which
/// refuse everything that has no single spelling, so equal trees have equal digests.
///
/// What decides a job's inputs is here: names, kinds, the executable bit, the bytes. Modification
/// times are kept apart, in ``TreeMetadata``.
package struct TreeDirectory: Hashable, Sendable {
    package let entries: [TreeEntry]
    /// What lies in this directory and beneath it.
    package let totals: TreeTotals

    package static let empty = TreeDirectory(unchecked: [], totals: .zero)

    /// - Parameter entries: in any order; sorted here.
    /// - Throws: ``TreeError`` for a name twice or one that no directory can hold.
    package init(entries: [TreeEntry]) throws {
        var sorted = entries
        sorted.sort { $0.name.precedes($1.name) }
        var totals = TreeTotals.zero
        for (index, entry) in sorted.enumerated() {
            try TreeRules.check(entry, after: index == 0 ? nil : sorted[index - 1].name)
            totals = try totals.adding(entry)
        }
        self.init(unchecked: sorted, totals: totals)
    }

    init(unchecked entries: [TreeEntry], totals: TreeTotals) {
        self.entries = entries
        self.totals = totals
    }

    /// The entry of that name, by binary search.
    package subscript(name: [UInt8]) -> TreeEntry? {
        index(of: name).map { entries[$0] }
    }

    /// Where the entry of that name stands.
    package func index(of name: [UInt8]) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].name.precedes(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < entries.count && entries[low].name == name ? low : nil
    }
}

/// One entry of a directory.
package struct TreeEntry: Hashable, Sendable {
    /// 1 … 255 raw bytes without `/` and NUL, and neither `.` nor `..`.
    package var name: [UInt8]
    package var node: TreeNode

    package init(name: [UInt8], node: TreeNode) {
        self.name = name
        self.node = node
    }
}

/// What a name in a tree stands for.
package enum TreeNode: Hashable, Sendable {
    /// A regular file: digest and length of its bytes, and whether it is executable.
    case file(Digest, size: Int64, isExecutable: Bool)
    /// The digest of another directory object, and what lies beneath it.
    case directory(Digest, TreeTotals)
    /// The target's 1 … 4,095 raw bytes without NUL, exactly as `readlink` gives them.
    case symlink([UInt8])
}

/// Sums over a directory and everything beneath it, so that a plan needs no walk.
package struct TreeTotals: Hashable, Sendable {
    /// Regular files and symlinks.
    package var files: Int64
    /// Directories beneath, without the directory itself.
    package var directories: Int64
    /// Lengths of the regular files.
    package var bytes: Int64

    package init(files: Int64, directories: Int64, bytes: Int64) {
        self.files = files
        self.directories = directories
        self.bytes = bytes
    }

    package static let zero = TreeTotals(files: 0, directories: 0, bytes: 0)

    /// The totals with one more entry.
    ///
    /// - Throws: ``TreeError`` where a sum passes 2⁶³−1: sizes come from peers.
    package func adding(_ entry: TreeEntry) throws -> TreeTotals {
        var more = TreeTotals.zero
        switch entry.node {
        case .file(_, let size, _): more = TreeTotals(files: 1, directories: 0, bytes: size)
        case .symlink: more.files = 1
        case .directory(_, let beneath):
            more = beneath
            more.directories = beneath.directories == .max ? .max : beneath.directories + 1
        }
        let (files, overflow0) = self.files.addingReportingOverflow(more.files)
        let (directories, overflow1) = self.directories.addingReportingOverflow(more.directories)
        let (bytes, overflow2) = self.bytes.addingReportingOverflow(more.bytes)
        guard !overflow0, !overflow1, !overflow2, more.directories != .max else {
            throw TreeError(path: RawPath(entry.name), problem: .totalsOverflow)
        }
        return TreeTotals(files: files, directories: directories, bytes: bytes)
    }
}

/// What every entry of every tree obeys, whoever made it.
enum TreeRules {
    static let longestName = 255
    static let longestTarget = 4095

    /// - Parameter previous: the name before it; the new one must be greater.
    static func check(_ entry: TreeEntry, after previous: [UInt8]?) throws {
        if let problem = problem(inName: entry.name) {
            throw TreeError(path: RawPath(entry.name), problem: problem)
        }
        if let previous, !previous.precedes(entry.name) {
            throw TreeError(
                path: RawPath(entry.name),
                problem: previous == entry.name ? .duplicateName : .wrongOrder)
        }
        switch entry.node {
        case .file(_, let size, _):
            guard size >= 0 else {
                throw TreeError(path: RawPath(entry.name), problem: .numberOutOfRange)
            }
        case .directory(_, let totals):
            guard totals.files >= 0, totals.directories >= 0, totals.bytes >= 0 else {
                throw TreeError(path: RawPath(entry.name), problem: .numberOutOfRange)
            }
        case .symlink(let target):
            guard !target.isEmpty, target.count <= longestTarget, !target.contains(0) else {
                throw TreeError(path: RawPath(entry.name), problem: .badLinkTarget)
            }
        }
    }

    static func problem(inName name: [UInt8]) -> TreeError.Problem? {
        let dot = UInt8(ascii: ".")
        switch name.count {
        case 0: return .emptyName
        case 1 where name[0] == dot: return .dotName
        case 2 where name[0] == dot && name[1] == dot: return .dotName
        case (longestName + 1)...: return .longName
        default: break
        }
        for byte in name where byte == 0 || byte == UInt8(ascii: "/") { return .badByteInName }
        return nil
    }
}
