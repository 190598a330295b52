package import JobModel

/// The objects that a tree consists of, each once, in an order that depends on the tree alone.
package struct TreeObjects: Sendable, Hashable {
    /// Directory objects, parents before children.
    package var directories: [Digest] = []
    /// Metadata objects, parents before children.
    package var metadata: [Digest] = []
    package var files: [File] = []
    /// Sum of the sizes of ``files``: what a worker without any of them would be sent.
    package var bytes: Int64 = 0

    /// The content of a regular file; several names may share it.
    package struct File: Sendable, Hashable {
        package var digest: Digest
        package var size: Int64

        package init(digest: Digest, size: Int64) {
            self.digest = digest
            self.size = size
        }
    }
}

extension ObjectStore {
    /// Lists what a tree consists of; its directory and metadata objects must be here.
    ///
    /// - Throws: ``ShuntError`` if one of them is not here or not valid.
    package func objects(of tree: TreeReference) throws -> TreeObjects {
        var result = TreeObjects()
        var seenTrees: Set<TreeReference> = [tree]
        var seen: Set<Digest> = []
        var waiting = [(path: RawPath.root, tree: tree)]
        while let (path, tree) = waiting.popLast() {
            let directory = try directory(tree.content, at: path)
            let metadata = try metadata(tree.metadata, of: directory, at: path)
            if seen.insert(tree.content).inserted { result.directories.append(tree.content) }
            if seen.insert(tree.metadata).inserted { result.metadata.append(tree.metadata) }
            var children: [(RawPath, TreeReference)] = []
            for (entry, times) in zip(directory.entries, metadata.entries) {
                switch (entry.node, times) {
                case (.file(let digest, let size, _), _):
                    guard seen.insert(digest).inserted else { continue }
                    result.files.append(TreeObjects.File(digest: digest, size: size))
                    let (bytes, overflow) = result.bytes.addingReportingOverflow(size)
                    result.bytes = overflow ? .max : bytes
                case (.directory(let content, _), .directory(let metadata)):
                    let child = TreeReference(content: content, metadata: metadata)
                    guard seenTrees.insert(child).inserted else { continue }
                    children.append((path.appending(entry.name), child))
                case (.symlink, _), (.directory, .modified): continue
                }
            }
            waiting += children.reversed()
        }
        return result
    }

    /// Where files of these contents stand in a tree, one place for each. Blocks.
    ///
    /// - Throws: ``ShuntError`` where the store lacks a directory of the tree.
    package func paths(
        of contents: Set<Digest>, in tree: TreeReference
    ) throws -> [Digest: RawPath] {
        var found: [Digest: RawPath] = [:]
        var seen: Set<Digest> = [tree.content]
        var waiting = [(path: RawPath.root, content: tree.content)]
        while found.count < contents.count, let (path, content) = waiting.popLast() {
            for entry in try directory(content, at: path).entries {
                switch entry.node {
                case .file(let digest, _, _) where contents.contains(digest):
                    if found[digest] == nil { found[digest] = path.appending(entry.name) }
                case .directory(let child, _):
                    guard seen.insert(child).inserted else { continue }
                    waiting.append((path.appending(entry.name), child))
                case .file, .symlink: continue
                }
            }
        }
        return found
    }
}

extension Sequence<TreeObjects.File> {
    /// The sum of the sizes, at most what an `Int64` holds.
    package var totalSize: ByteCount {
        ByteCount(
            reduce(Int64(0)) { sum, file in
                let (next, overflow) = sum.addingReportingOverflow(file.size)
                return overflow ? .max : next
            })
    }
}
