internal import Glibc
internal import JobModel

/// What to do with one output, from three versions of it: the base (in the snapshot), mine (in the
/// person's directory now) and theirs (the output).
///
/// | mine | what happens |
/// |---|---|
/// | nothing there | placed, also where the base had it: nothing is lost by it |
/// | the same as theirs | left alone |
/// | the same as the base | replaced |
/// | anything else | kept; theirs lands beside it |
enum PlacementDecision: Equatable {
    case create
    case keep
    /// The status that what is there must still have when it is replaced.
    case replace(FileStat)
    case beside(PlacementConflict.Cause)
}

/// Compares what is in a directory with nodes of trees. Reads files, writes nothing.
struct PlacementJudge {
    let known: ObjectStore.KnownDigest?
    /// How the target is called in errors.
    let shown: RawPath

    /// - Parameters:
    ///   - folder: the directory that holds the name, or `nil` where that does not exist yet.
    ///   - path: the output's path beneath the target.
    func decide(
        _ theirs: TreeNode, base: TreeNode?, at path: RawPath, in folder: borrowing Descriptor
    ) throws -> PlacementDecision {
        let shown = shown.appending(path.bytes)
        let name = path.lastComponent
        guard let mine = try folder.status(of: name, shownAs: shown) else { return .create }
        switch mine.kind {
        case .directory: return .beside(.directoryHere)
        case .special: return .beside(.changedHere)
        case .symlink:
            let target = TreeNode.symlink(try folder.readLink(name, shownAs: shown))
            return target == theirs
                ? .keep : target == base ? .replace(mine) : .beside(.changedHere)
        case .file:
            return try decideFile(theirs, base, mine, path, in: folder)
        }
    }

    private func decideFile(
        _ theirs: TreeNode, _ base: TreeNode?, _ mine: FileStat, _ path: RawPath,
        in folder: borrowing Descriptor
    ) throws -> PlacementDecision {
        // A file of another length than both needs no reading.
        let sizes = [theirs, base].compactMap { node -> Int64? in
            if case .file(_, let size, _)? = node { size } else { nil }
        }
        guard sizes.contains(mine.size),
            let (digest, status) = try digest(of: mine, path, in: folder)
        else { return .beside(.changedHere) }
        if case .file(digest, _, let isExecutable) = theirs {
            guard case .file(_, _, let before)? = base, before == status.isExecutable,
                isExecutable != before
            else { return .keep }
            return .replace(status)
        }
        if case .file(digest, _, let isExecutable)? = base, isExecutable == status.isExecutable {
            return .replace(status)
        }
        return .beside(.changedHere)
    }

    /// - Returns: `nil` for a file that cannot be read or is being written to: nobody can say that
    ///   it is still as it was.
    private func digest(
        of mine: FileStat, _ path: RawPath, in folder: borrowing Descriptor
    ) throws -> (Digest, FileStat)? {
        if let digest = known?(path, mine) { return (digest, mine) }
        let shown = shown.appending(path.bytes)
        let file: Descriptor
        do throws(SystemError) {
            file = try folder.open(path.lastComponent, O_RDONLY | O_NONBLOCK, shownAs: shown)
        } catch {
            guard [EACCES, EPERM, ELOOP, ENXIO, ENOENT].contains(error.code) else { throw error }
            return nil
        }
        let status = try file.status(shownAs: shown)
        guard status.kind == .file else { return nil }
        let hashed = try ContentHasher.digest(of: file, shownAs: shown)
        guard try file.status(shownAs: shown) == status else { return nil }
        return (hashed.digest, status)
    }
}
