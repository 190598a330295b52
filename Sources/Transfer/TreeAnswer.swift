internal import ContentStore
internal import JobModel
internal import Wire

/// What a receiver says about one tree.
struct TreeAnswer: Hashable, Sendable {
    /// Something of it is missing: the directory, the metadata, a file, or anything further down.
    var isIncomplete: Bool
    /// The directory object is not there; implies ``isIncomplete``.
    var lacksDirectory: Bool

    static let whole = TreeAnswer(isIncomplete: false, lacksDirectory: false)

    static func bitmap(of answers: [TreeAnswer]) -> MissingBitmap {
        var bitmap = MissingBitmap()
        for answer in answers {
            bitmap.append(answer.isIncomplete)
            bitmap.append(answer.lacksDirectory)
        }
        return bitmap
    }

    /// The answers about `count` trees.
    static func decode(_ bitmap: MissingBitmap, count: Int) throws -> [TreeAnswer] {
        guard bitmap.count == count * 2 else { throw TransferFault.bitmapLength }
        return (0..<count).map {
            let lacksDirectory = bitmap[$0 * 2 + 1]
            return TreeAnswer(
                isIncomplete: bitmap[$0 * 2] || lacksDirectory, lacksDirectory: lacksDirectory)
        }
    }
}

/// The files in the directories of those trees that are not whole, walked in breadth from the
/// root, each where it is met first. Sender and receiver come to the same list.
///
/// - Parameters:
///   - isIncomplete: what was said about a tree; `nil` if nothing was.
///   - level: reads a tree's directory and metadata.
func filesOfIncompleteTrees(
    below root: TreeReference, isIncomplete: (TreeReference) -> Bool?,
    level: (TreeReference) throws -> TreeLevel
) throws -> [TreeObjects.File] {
    var files: [TreeObjects.File] = []
    var sizes: [Digest: Int64] = [:]
    var waiting = [root]
    var seen: Set<TreeReference> = [root]
    var next = 0
    while next < waiting.count {
        let level = try level(waiting[next])
        next += 1
        for file in level.files {
            if let size = sizes[file.digest] {
                guard size == file.size else { throw TransferFault.sizes }
                continue
            }
            sizes[file.digest] = file.size
            files.append(file)
            guard files.count <= TransferLimits.files else {
                throw TransferFault.tooLarge(
                    "\(files.count) files to be sent", limit: TransferLimits.files)
            }
        }
        for child in level.children {
            guard let incomplete = isIncomplete(child.tree) else {
                throw TransferFault.unannounced
            }
            if incomplete, seen.insert(child.tree).inserted { waiting.append(child.tree) }
        }
    }
    return files
}
