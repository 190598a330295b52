internal import Glibc
internal import JobModel

/// The place in a checked-out directory where data of the machine is to be found.
package enum MountPoint {
    /// What is put there.
    package enum Form: Sendable {
        /// An empty directory, or an empty file, over which something can be mounted.
        case directory
        case file
        /// A symbolic link to an absolute path.
        case link(String)
    }

    /// Makes the place, with the directories that lead to it. None of them may be a symbolic link:
    /// nothing outside the directory is ever made.
    ///
    /// - Parameter target: relative to `root`; see ``DataMount/isTarget(_:)``.
    /// - Throws: ``ShuntError`` with `usage` where something else is in the way.
    package static func make(_ target: String, in root: RawPath, as form: Form) throws {
        do throws(SystemError) {
            var folder = try Descriptor.open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            var path = root
            var names = target.split(separator: "/").map { Array($0.utf8) }
            let last = names.removeLast()
            for name in names {
                path = path.appending(name)
                try unlessThere { () throws(SystemError) in
                    try folder.makeDirectory(name, mode: 0o755, shownAs: path)
                }
                folder = try folder.open(name, O_RDONLY | O_DIRECTORY, shownAs: path)
            }
            path = path.appending(last)
            switch form {
            case .directory:
                try unlessThere { () throws(SystemError) in
                    try folder.makeDirectory(last, mode: 0o755, shownAs: path)
                }
                _ = try folder.open(last, O_RDONLY | O_DIRECTORY, shownAs: path)
            case .file: _ = try folder.open(last, O_RDONLY | O_CREAT, mode: 0o644, shownAs: path)
            case .link(let source):
                try folder.makeSymlink(last, to: Array(source.utf8), shownAs: path)
            }
        } catch {
            guard [ELOOP, ENOTDIR, EEXIST, EISDIR].contains(error.code) else {
                throw error.asShuntError
            }
            throw ShuntError(
                .usage,
                "`\(target)` cannot be mounted on: a file or a symbolic link is in the way",
                hint: "ls -ld \(target)")
        }
    }

    private static func unlessThere(
        _ body: () throws(SystemError) -> Void
    ) throws(SystemError) {
        do throws(SystemError) {
            try body()
        } catch {
            guard error.code == EEXIST else { throw error }
        }
    }
}
