package import JobModel

/// A Containerfile and the directory that it is built in: the one that holds it.
package struct BuildContext: Hashable, Sendable {
    /// Relative to the snapshot's root; empty is the root.
    package var directory: String
    /// The name of the Containerfile in it.
    package var file: String
    /// Of what the build may see: the directory's whole content, or what its ignore file leaves.
    package var digest: Digest

    private static let names = ["Containerfile", "Dockerfile"]

    /// Finds them in the job's tree.
    ///
    /// - Parameter ignoreFiles: those that the engine reads in the directory, the first first.
    /// - Throws: ``ShuntError`` where there is no Containerfile at that path.
    package init(
        at path: String, in tree: TreeReference, ignoreFiles: [String] = [], _ store: ObjectStore
    ) throws {
        try self.init(wholeAt: path, in: tree, store)
        let listing = try store.directory(digest)
        guard let ignored = try Self.ignored(of: listing, file, ignoreFiles, store) else { return }
        let seen = try Self.pruned(listing, below: "", ignored, store)
        digest = ContentHasher.digest(of: seen.encoded())
    }

    private init(wholeAt path: String, in tree: TreeReference, _ store: ObjectStore) throws {
        if let digest = try TreeLookup.directory(path, in: tree, store) {
            directory = path
            self.digest = digest
            let listing = try store.directory(digest)
            guard let name = Self.names.first(where: { listing[Array($0.utf8)] != nil }) else {
                throw Self.missing(path)
            }
            file = name
            return
        }
        let parts = path.split(separator: "/")
        directory = parts.dropLast().joined(separator: "/")
        file = String(parts.last ?? "")
        guard case .file? = try TreeLookup.node(path, in: tree, store),
            let digest = try TreeLookup.directory(directory, in: tree, store)
        else { throw Self.missing(path) }
        self.digest = digest
    }

    // MARK: What the engine leaves out

    /// What is never seen by a build must not lead to another one. What might be seen does: an
    /// ignore file that takes something back in, or that only one Containerfile has, leaves out
    /// nothing here, and neither does a line that engines may read in different ways.
    private static func ignored(
        of listing: TreeDirectory, _ file: String, _ ignoreFiles: [String], _ store: ObjectStore
    ) throws -> Ignored? {
        let own = ignoreFiles.contains { listing[Array((file + $0).utf8)] != nil }
        guard !own, let name = ignoreFiles.first(where: { listing[Array($0.utf8)] != nil }),
            case .file(let digest, let size, _)? = listing[Array(name.utf8)]?.node,
            size <= largestIgnoreFile
        else { return nil }
        let bytes = try store.readBytes(of: digest, limit: largestIgnoreFile)
        let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            .map { String(decoding: $0, as: UTF8.self).trimmed }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !lines.contains(where: { $0.hasPrefix("!") }), lines.count <= PathPatterns.limit
        else { return nil }
        let plain = lines.filter { $0.utf8.allSatisfy(isPlain) }
            .map { String($0.drop { $0 == "/" }) }
            // To engines the directory itself is a name that nothing in it has.
            .filter { !$0.split(separator: "/").allSatisfy { $0 == "." } }
        // One that leads outside leaves out nothing that is inside.
        guard let patterns = try? PathPatterns(plain) else { return nil }
        return Ignored(patterns: patterns, kept: [file, name])
    }

    private struct Ignored {
        var patterns: PathPatterns
        /// What decides on the build itself: the Containerfile and the ignore file.
        var kept: [String]
    }

    /// Means the same to all engines.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._-/* ".utf8.contains(byte)
        }
    }

    private static let largestIgnoreFile = 1 << 20

    private static func pruned(
        _ directory: TreeDirectory, below path: String, _ ignored: Ignored, _ store: ObjectStore
    ) throws -> TreeDirectory {
        var entries: [TreeEntry] = []
        for var entry in directory.entries {
            let name = path + String(decoding: entry.name, as: UTF8.self)
            let isIgnored = !ignored.patterns.matching(RawPath(name)).isEmpty
            if isIgnored, !ignored.kept.contains(name) { continue }
            if case .directory(let digest, _) = entry.node {
                let below = try pruned(
                    store.directory(digest), below: name + "/", ignored, store)
                entry.node = .directory(
                    ContentHasher.digest(of: below.encoded()), below.totals)
            }
            entries.append(entry)
        }
        return try TreeDirectory(entries: entries)
    }

    private static func missing(_ path: String) -> ShuntError {
        ShuntError(
            .usage,
            "there is no Containerfile at `./\(path)` in the snapshot of the job's directory",
            hint: "ls -l ./\(path)")
    }
}

extension String {
    fileprivate var trimmed: String {
        String(
            drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
