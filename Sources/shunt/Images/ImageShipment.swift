internal import ContentStore
internal import Glibc
internal import JobModel

/// An image of this machine's podman as a tree of the home's store: a file for each layer, named
/// by its digest, and a few small ones that say how they belong together. Uncompressed, so that a
/// layer has one name wherever it was built. Blocks.
///
/// What an image became is remembered by its ID in `images/` of the home: podman need not write it
/// a second time.
struct ImageShipment {
    let layout: HomeLayout
    let name: String
    let store: ObjectStore

    private var directory: String { layout.root + "/images" }

    /// - Throws: ``ShuntError`` where podman has no such image.
    func tree() throws -> TreeReference {
        let engine = try EngineCall.podman(for: name)
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw failure("make", directory)
        }
        var pattern = Array("\(directory)/saved.XXXXXX".utf8CString)
        guard mkdtemp(&pattern) != nil else { throw failure("write in", directory) }
        let work = String(
            decoding: pattern.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer {
            // What is left is only space; the image is in the store, or the error is at hand.
            try? removeTree(at: RawPath(work))
        }
        let answer = try engine.run(
            ["image", "inspect", "--format", "{{.Id}}", name], hint: "podman images")
        let id = answer.split(separator: "\n").last.map(String.init) ?? ""
        let note = directory + "/" + id
        if let known = known(note) { return known }
        let saved = work + "/image"
        _ = try engine.run(
            ["save", "--format", "docker-dir", "--output", saved, name],
            hint: "df -h \(directory)")
        var options = SnapshotOptions()
        // The directory goes at once, so that nothing can stay in it.
        options.copyLimit = ByteCount(.max)
        let tree = try Snapshot.take(
            root: RawPath(saved), store: store,
            cache: StatCache(directory: RawPath(work + "/statcache")), options: options
        ).tree
        remember(tree, in: note, by: work + "/note")
        return tree
    }

    /// What this image became before, if all of it is still in the store.
    private func known(_ note: String) -> TreeReference? {
        // Without a note the image is written again.
        guard let bytes = try? SmallFile.read(RawPath(note), limit: 1024) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard words.count == 2, let content = Digest(hex: String(words[0])),
            let metadata = Digest(hex: String(words[1])), isWhole(content, metadata)
        else { return nil }
        return TreeReference(content: content, metadata: metadata)
    }

    private func isWhole(_ content: Digest, _ metadata: Digest) -> Bool {
        // A store that cannot be read is found out by whoever writes into it next.
        guard (try? store.contains(metadata)) == true,
            // Likewise.
            let listing = try? store.directory(content)
        else { return false }
        let files = listing.entries.compactMap { entry -> Digest? in
            if case .file(let digest, _, _) = entry.node { digest } else { nil }
        }
        // Likewise.
        return (try? store.missing(of: files).isEmpty) == true
    }

    private func remember(_ tree: TreeReference, in note: String, by temporary: String) {
        let text = "\(tree.content.hex)\n\(tree.metadata.hex)\n"
        // Without the note the image is written once more.
        guard let file = fopen(temporary, "we") else { return }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { return }
        rename(temporary, note)
    }

    private func failure(_ action: String, _ path: String) -> ShuntError {
        ShuntError(
            .failed, "cannot \(action) `\(path)`: \(String(cString: strerror(errno)))",
            hint: "df -h \(layout.root)")
    }
}
