package import JobModel

/// What a job left in its directory that was not there before, as a tree in the store.
package struct OutputCollection: Sendable {
    /// New and changed files, at their paths. Empty but for its root where there are none.
    package var tree: TreeReference
    /// Over the tree: files with symlinks, directories, bytes.
    package var totals: TreeTotals
    package var deleted: DeletedPaths
    /// At most ``warningLimit``; ``warningCount`` counts all.
    package var warnings: [OutputWarning]
    package var warningCount: Int

    package static let warningLimit = 200

    package var files: Int { Int(totals.files) }
    package var bytes: ByteCount { ByteCount(totals.bytes) }
}

/// Paths of the base that are no longer there: reported, never applied elsewhere.
package struct DeletedPaths: Sendable, Hashable {
    /// Ascending; a directory that is gone stands for what was in it. At most ``limit``.
    package var paths: [RawPath] = []
    /// Files and symlinks that are gone, counted through directories.
    package var files = 0

    package static let limit = 1000
}

/// Something in the directory that did not become an output, and why.
package enum OutputWarning: Hashable, Sendable {
    /// A fifo, socket or device.
    case special(RawPath)
    /// A symlink that leads out of the directory.
    case escapingLink(RawPath, target: [UInt8])
    /// Cannot be opened; `reason` is the kernel's.
    case unreadable(RawPath, reason: String)
    /// Something still writes to it.
    case changing(RawPath)
    /// Nested too deep.
    case tooDeep(RawPath)
    /// A pattern of `outputs:` that names nothing there is.
    case matchedNothing(pattern: String)

    /// One line for people.
    package var text: String {
        switch self {
        case .special(let path):
            "`\(path)` is a fifo, socket or device and was left out"
        case .escapingLink(let path, let target):
            "the link `\(path)` leads out of the directory, to `\(RawPath(target))`, "
                + "and was left out"
        case .unreadable(let path, let reason): "`\(path)` cannot be read (\(reason))"
        case .changing(let path): "`\(path)` is still being written to and was left out"
        case .tooDeep(let path): "`\(path)` is nested too deep and was left out"
        case .matchedNothing(let pattern): "no output matches `\(escapedForPeople(pattern.utf8))`"
        }
    }
}

/// Whether a symlink's target stays beneath the root of its tree.
///
/// Leading `..` are followed by counting, which is right since the directories above a link are
/// no links themselves. A `..` further on could turn back from wherever another link led, so it is
/// not trusted; neither is an absolute target.
package func linkStaysInside(target: [UInt8], linkAt path: RawPath) -> Bool {
    guard let first = target.first, first != UInt8(ascii: "/") else { return false }
    var depth = path.components.count - 1
    var isLeading = true
    for name in target.split(separator: UInt8(ascii: "/")) {
        if name == [UInt8(ascii: ".")] { continue }
        guard name == Array("..".utf8)[...] else {
            isLeading = false
            continue
        }
        depth -= 1
        guard isLeading, depth >= 0 else { return false }
    }
    return true
}
