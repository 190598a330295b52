internal import Glibc
internal import JobModel

/// The stat cache of one scanned root: the digest of every file beside the status it had when it
/// was hashed, so that an unchanged scan reads no file.
///
/// One file per root, `DIRECTORY/DIGEST-OF-ROOT'S-PATH`, replaced as a whole by rename. It is a
/// cache: what is missing, damaged (moved aside to `NAME.damaged`) or cannot be written costs time
/// and nothing else. It is not synced: a torn file after a power cut fails its digest. Two scans
/// at once replace each other's file whole, and either one is right.
package struct StatCache: Sendable {
    /// Where the files of all roots are.
    package let directory: RawPath

    /// - Parameter directory: created at the first write.
    package init(directory: RawPath) { self.directory = directory }

    /// The file of a root.
    ///
    /// - Parameter root: an absolute path; two spellings of one directory have a file each.
    func file(ofRoot root: RawPath) -> RawPath {
        directory.appending(ContentHasher.digest(of: root.bytes).hex)
    }

    /// Reads the cache of a root.
    ///
    /// - Returns: `nil` where there is none that can be used.
    func load(root: RawPath) -> StatCacheImage? {
        let path = file(ofRoot: root)
        let image: StatCacheImage?
        do {
            guard let bytes = try Self.read(path) else { return nil }
            image = StatCacheImage(adopting: bytes)
        } catch {
            // Harmless: a cache that cannot be read is one that is not there.
            return nil
        }
        if image == nil { Self.moveAside(path) }
        return image
    }

    private static func read(_ path: RawPath) throws(SystemError) -> UnsafeMutableRawBufferPointer?
    {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor.open(path, O_RDONLY | O_NOFOLLOW)
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return nil
        }
        let size = Int(try file.status(shownAs: path).size)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        do throws(SystemError) {
            let count = try file.read(into: bytes, shownAs: path)
            return UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
        } catch {
            bytes.deallocate()
            throw error
        }
    }

    private static func moveAside(_ path: RawPath) {
        path.withCString { from in
            RawPath(path.bytes + Array(".damaged".utf8)).withCString { to in
                // Harmless if it fails: the next write replaces the file.
                _ = rename(from, to)
            }
        }
    }

    /// Replaces the cache of a root.
    ///
    /// - Throws: ``ShuntError`` where it cannot be written; the old one stays.
    func replace(root: RawPath, with image: StatCacheBuilder) throws {
        try forPeople {
            try makeDirectory()
            try AtomicFile.write(
                image.bytes(), to: file(ofRoot: root), mode: 0o600, isDurable: false)
        }
    }

    private func makeDirectory() throws(SystemError) {
        var made = RawPath(directory.bytes.first == UInt8(ascii: "/") ? "/" : "")
        for component in directory.components {
            made = made.appending(Array(component))
            do throws(SystemError) {
                try made.withCString { text throws(SystemError) in
                    _ = try checked("create", made) { mkdir(text, 0o700) }
                }
            } catch {
                guard error.code == EEXIST || error.code == EROFS || error.code == EACCES else {
                    throw error
                }
            }
        }
    }
}
