internal import Glibc
internal import JobModel

/// Removes a directory and everything in it, however deep, without following a symlink and without
/// crossing into what was mounted there.
///
/// Directories without write permission for the owner are given it first, since jobs leave such.
/// Nothing there is fine. Blocks.
///
/// - Throws: ``ShuntError`` naming the first path that would not go.
package func removeTree(at path: RawPath) throws {
    try forPeople {
        let top: Descriptor
        do throws(SystemError) {
            top = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            if error.code == ENOENT { return }
            throw error
        }
        let device = try top.status(shownAs: path).device
        let root = RootDirectory(top, shown: path)
        // A directory is visited twice: first emptied of files, then, its children gone, removed.
        var waiting: [(path: RawPath, isEmptied: Bool)] = [(.root, false)]
        while let (current, isEmptied) = waiting.popLast() {
            if isEmptied {
                if current.isEmpty { break }
                try root.openDirectory(current.parent).unlink(
                    current.lastComponent, flags: AT_REMOVEDIR,
                    shownAs: path.appending(current.bytes))
                continue
            }
            waiting.append((current, true))
            waiting += try removeFiles(root, current, device, shown: path).map { ($0, false) }
        }
        try path.withCString { text throws(SystemError) in
            _ = try checked("remove", path) { rmdir(text) }
        }
    }
}

/// Removes all but the directories in one directory.
///
/// - Returns: the directories.
private func removeFiles(
    _ root: borrowing RootDirectory, _ path: RawPath, _ device: UInt64, shown: RawPath
) throws(SystemError) -> [RawPath] {
    let folder: Descriptor
    do throws(SystemError) {
        folder = try root.openDirectory(path)
    } catch {
        guard error.code == EACCES, !path.isEmpty else { throw error }
        try openUp(path.lastComponent, in: try root.openDirectory(path.parent), shown: shown)
        folder = try root.openDirectory(path)
    }
    let status = try folder.status(shownAs: shown.appending(path.bytes))
    guard status.device == device else {
        throw SystemError(operation: "remove", path: shown.appending(path.bytes), code: EBUSY)
    }
    if status.mode & UInt32(S_IRWXU) != UInt32(S_IRWXU) {
        try folder.setMode(0o700, shownAs: shown.appending(path.bytes))
    }
    var directories: [RawPath] = []
    for name in try folder.names(shownAs: shown) {
        let full = path.appending(name)
        if try folder.status(of: name, shownAs: shown)?.kind == .directory {
            directories.append(full)
            continue
        }
        do throws(SystemError) {
            try folder.unlink(name, shownAs: shown.appending(full.bytes))
        } catch {
            // Somebody else removed it meanwhile, which is what we wanted.
            guard error.code == ENOENT else { throw error }
        }
    }
    return directories
}

/// Gives the owner access to a directory that cannot be opened; a symlink put there meanwhile is
/// not followed, since its mode would be that of the target.
private func openUp(
    _ name: [UInt8], in parent: borrowing Descriptor, shown: RawPath
) throws(SystemError) {
    guard try parent.status(of: name, shownAs: shown)?.kind == .directory else { return }
    try withTerminated(name) { text throws(SystemError) in
        _ = try checked("set the mode of", shown) {
            fchmodat(parent.number, text, 0o700, AT_SYMLINK_NOFOLLOW)
        }
    }
}
