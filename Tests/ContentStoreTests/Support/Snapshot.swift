internal import ContentStore
internal import JobModel

/// A snapshot without excludes, cache or threads: what tests hold the real parts against.
func snapshot(_ path: RawPath, into store: ObjectStore) throws -> TreeReference {
    var entries: [TreeEntry] = []
    var times: [[UInt8]: TreeMetadata.Entry] = [:]
    for name in names(path) {
        let child = path.appending(name)
        let status = status(child)!
        switch status.kind {
        case .directory:
            let tree = try snapshot(child, into: store)
            let directory = try store.directory(tree.content)
            entries.append(
                TreeEntry(name: name, node: .directory(tree.content, directory.totals)))
            times[name] = .directory(tree.metadata)
        case .symlink:
            let target = Array(linkTarget(child)!.utf8)
            entries.append(TreeEntry(name: name, node: .symlink(target)))
            times[name] = .modified(status.modified)
        case .file:
            let file = try store.insert(copyingFileAt: child)
            entries.append(
                TreeEntry(
                    name: name,
                    node: .file(
                        file.digest, size: file.size, isExecutable: status.isExecutable)))
            times[name] = .modified(status.modified)
        case .special: continue
        }
    }
    let directory = try TreeDirectory(entries: entries)
    let metadata = TreeMetadata(
        modified: status(path)!.modified, entries: directory.entries.map { times[$0.name]! })
    return TreeReference(
        content: try store.insert(directory), metadata: try store.insert(metadata))
}
