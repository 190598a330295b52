internal import CLinux
internal import Glibc

/// Renames that never replace what they did not mean to, on kernels and file systems with and
/// without `renameat2`.
extension Descriptor {
    /// Renames a file to a name that must be free.
    ///
    /// - Throws: ``SystemError`` with `EEXIST` where the name is taken.
    func renameToNew(
        _ from: [UInt8], _ target: borrowing Descriptor, _ to: [UInt8],
        shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        let targetNumber = target.number
        try withTerminated(from) { from throws(SystemError) in
            try withTerminated(to) { to throws(SystemError) in
                do throws(SystemError) {
                    _ = try checked("create", shown()) {
                        shunt_renameat2(number, from, targetNumber, to, UInt32(RENAME_NOREPLACE))
                    }
                } catch {
                    // NFS and some other file systems know no flags: a hard link is as atomic.
                    guard [EINVAL, ENOSYS, ENOTSUP].contains(error.code) else { throw error }
                    try Self.linkToNew(number, from, targetNumber, to, shownAs: shown())
                }
            }
        }
    }

    /// ``renameToNew`` by `link` and `unlink`; for files and symlinks, not for directories.
    static func linkToNew(
        _ fromDirectory: Int32, _ from: UnsafePointer<CChar>, _ toDirectory: Int32,
        _ to: UnsafePointer<CChar>, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        try checked("create", shown()) { linkat(fromDirectory, from, toDirectory, to, 0) }
        try checked("remove", shown()) { unlinkat(fromDirectory, from, 0) }
    }

    /// Renames a file over whatever has the name.
    func rename(
        _ from: [UInt8], _ target: borrowing Descriptor, _ to: [UInt8],
        shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        let targetNumber = target.number
        try withTerminated(from) { from throws(SystemError) in
            try withTerminated(to) { to throws(SystemError) in
                _ = try checked("replace", shown()) { renameat(number, from, targetNumber, to) }
            }
        }
    }
}

extension Descriptor {
    /// Puts `replacement` in the place of `name` if that still has the expected status, but for
    /// its change time, which a rename moves.
    ///
    /// The two are exchanged, so that a file edited a moment ago is not lost but swapped back; on
    /// file systems without exchange the status is looked at right before the rename.
    ///
    /// - Returns: `false`, with everything as it was, if it is another file or gone.
    func replace(
        _ name: [UInt8], expecting expected: FileStat, by replacement: [UInt8],
        shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try exchange(name, replacement, shownAs: shown())
        } catch {
            switch error.code {
            case ENOENT: return false
            case EINVAL, ENOSYS, ENOTSUP:
                guard try holds(name, expected, shownAs: shown()) else { return false }
                try rename(replacement, self, name, shownAs: shown())
                return true
            default: throw error
            }
        }
        if try holds(replacement, expected, shownAs: shown()) {
            try unlink(replacement, shownAs: shown())
            return true
        }
        try exchange(name, replacement, shownAs: shown())
        return false
    }

    private func holds(
        _ name: [UInt8], _ expected: FileStat, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> Bool {
        guard var found = try status(of: name, shownAs: shown()) else { return false }
        found.changed = expected.changed
        return found == expected
    }

    private func exchange(
        _ first: [UInt8], _ second: [UInt8], shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        try withTerminated(first) { first throws(SystemError) in
            try withTerminated(second) { second throws(SystemError) in
                _ = try checked("replace", shown()) {
                    shunt_renameat2(number, first, number, second, UInt32(RENAME_EXCHANGE))
                }
            }
        }
    }
}
