package import JobModel

/// Why bytes are not a tree object, or a tree cannot be built. Objects come from peers and disks,
/// so this is thrown, never trapped, and names the path.
package struct TreeError: Error, Hashable, Sendable {
    /// The directory or entry at fault, as far as it is known.
    package var path: RawPath
    package var problem: Problem

    package init(path: RawPath, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// Why bytes are not the one canonical encoding of a tree.
    package enum Problem: Hashable, Sendable {
        case notATree
        case newerVersion(UInt8)
        case truncated
        case trailingBytes
        case tooManyEntries
        case unknownKind(UInt8)
        case unknownAlgorithm(UInt8)
        case emptyName
        case dotName
        case longName
        case badByteInName
        case wrongOrder
        case duplicateName
        case badLinkTarget
        case numberOutOfRange
        case totalsOverflow
        case totalsDisagree
        case metadataDisagrees
    }

    /// The error as people see it.
    package var asShuntError: ShuntError {
        ShuntError(
            .refused, "the tree is not valid at `\(path)`: \(problem.text)", hint: problem.hint)
    }
}

extension TreeError.Problem {
    fileprivate var text: String {
        switch self {
        case .notATree: "not a directory object"
        case .newerVersion(let version):
            "version \(version) of the format is newer than this program"
        case .truncated: "the object ends too early"
        case .trailingBytes: "bytes follow the last entry"
        case .tooManyEntries: "it promises more entries than it has room for"
        case .unknownKind(let kind): "unknown kind \(kind) of entry"
        case .unknownAlgorithm(let algorithm): "unknown digest algorithm \(algorithm)"
        case .emptyName: "an entry has no name"
        case .dotName: "`.` and `..` are not names of entries"
        case .longName: "a name is longer than 255 bytes"
        case .badByteInName: "a name holds a slash or a NUL"
        case .wrongOrder: "entries are not in byte order"
        case .duplicateName: "a name stands there twice"
        case .badLinkTarget: "a link has no target, one with a NUL or one over 4095 bytes"
        case .numberOutOfRange: "a number is out of range"
        case .totalsOverflow: "the sizes add up to more than 2^63 bytes"
        case .totalsDisagree: "a directory's totals are not the sums of what it holds"
        case .metadataDisagrees: "the metadata belongs to another directory"
        }
    }

    fileprivate var hint: String? {
        switch self {
        case .newerVersion: "shunt --version"
        default: "shunt ps -a"
        }
    }
}
