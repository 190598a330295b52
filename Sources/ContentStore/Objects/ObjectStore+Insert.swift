internal import CLinux
internal import Glibc
package import JobModel
internal import Synchronization

extension ObjectStore {
    /// Up to this size a file is read whole and hashed before anything is written, so that content
    /// which is here already costs no write.
    private static let wholeReadLimit = 1 << 20

    /// What ``insert(copying:shownAs:)`` read.
    package struct InsertedFile: Sendable {
        package var digest: Digest
        package var size: Int64
        /// The file's status while its bytes were what the digest says.
        package var status: FileStat
    }

    /// Adds an object. Readable through this instance at once, by others after ``flush()``.
    @discardableResult
    package func insert(_ bytes: [UInt8]) throws -> Digest {
        try bytes.withUnsafeBytes { try insert($0) }
    }

    /// Adds an object; see ``insert(_:)-([UInt8])``.
    @discardableResult
    package func insert(_ bytes: UnsafeRawBufferPointer) throws -> Digest {
        let digest = ContentHasher.digest(of: bytes)
        try insert(bytes, as: digest)
        return digest
    }

    private func insert(_ bytes: UnsafeRawBufferPointer, as digest: Digest) throws {
        try checkPoison()
        if try holds(digest) { return }
        let file = try newFile()
        do {
            try file.descriptor.write(bytes, shownAs: directory)
            try register(file.number, digest: digest, size: Int64(bytes.count))
        } catch {
            throw abandon(file.number, error)
        }
    }

    /// Adds a copy of an open file, read from its start. Where the file system can, the copy
    /// shares the file's blocks.
    ///
    /// - Parameter path: how the file is called in errors.
    /// - Throws: ``ShuntError`` if it is not a regular file, cannot be read, or changed meanwhile.
    package func insert(
        copying source: borrowing Descriptor, shownAs path: RawPath
    ) throws -> InsertedFile {
        guard let file = try insertIfSteady(copying: source, shownAs: path) else {
            throw Self.changedWhileRead(path)
        }
        return file
    }

    /// As ``insert(copying:shownAs:)``, but `nil` for a file that changed while it was read.
    func insertIfSteady(
        copying source: borrowing Descriptor, shownAs path: RawPath
    ) throws -> InsertedFile? {
        try checkPoison()
        return try forPeople {
            let before = try source.status(shownAs: path)
            guard before.kind == .file else {
                throw ShuntError(
                    .refused, "`\(path)` is not a regular file",
                    hint: "ls -ld \(shellQuoted(path))")
            }
            let digest =
                before.size <= Self.wholeReadLimit
                ? try insertWhole(source, size: Int(before.size), shown: path)
                : try insertLarge(source, size: before.size, shown: path)
            guard let digest, try source.status(shownAs: path) == before else { return nil }
            return InsertedFile(digest: digest, size: before.size, status: before)
        }
    }

    /// Adds a copy of the file at `path`; a symlink there is refused, not followed.
    package func insert(copyingFileAt path: RawPath) throws -> InsertedFile {
        let source = try forPeople { try Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) }
        return try insert(copying: source, shownAs: path)
    }

    /// The error for a file of a person's that did not hold still.
    package static func changedWhileRead(_ path: RawPath) -> ShuntError {
        ShuntError(
            .failed, "`\(path)` changed while it was being read",
            hint: "fuser -v \(shellQuoted(path))")
    }

    /// - Returns: `nil` if the file is not as long as it was.
    private func insertWhole(
        _ source: borrowing Descriptor, size: Int, shown: RawPath
    ) throws -> Digest? {
        try withUnsafeTemporaryAllocation(byteCount: size + 1, alignment: 16) { buffer in
            // One byte more than the size shows a file that grew.
            guard try Self.readAll(source, into: buffer, shown: shown) == size else { return nil }
            return try insert(UnsafeRawBufferPointer(rebasing: buffer[..<size]))
        }
    }

    private static func readAll(
        _ source: borrowing Descriptor, into buffer: UnsafeMutableRawBufferPointer, shown: RawPath
    ) throws(SystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try checked("read", shown) {
                pread(
                    source.number, buffer.baseAddress! + filled, buffer.count - filled,
                    off_t(filled))
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    private func insertLarge(
        _ source: borrowing Descriptor, size: Int64, shown: RawPath
    ) throws -> Digest? {
        let file = try newFile()
        do {
            let copy = file.descriptor.number
            let isClone = shunt_clone_range(file.descriptor.number, source.number) == 0
            // A clone is hashed itself: its bytes stand still, whatever happens to the source.
            let hashed =
                isClone
                ? try ContentHasher.digest(of: file.descriptor, shownAs: directory)
                : try ContentHasher.digest(of: source, shownAs: shown) {
                    bytes throws(SystemError) in try writeAll(bytes, to: copy)
                }
            guard hashed.size == size else {
                session.remove(file.number)
                return nil
            }
            try register(file.number, digest: hashed.digest, size: size)
            return hashed.digest
        } catch {
            throw abandon(file.number, error)
        }
    }

    func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            written += try checked("write", directory) {
                Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            }
        }
    }
}

// MARK: - Temporary files on their way to become objects

extension ObjectStore {
    /// A temporary file of mode 0444 whatever the umask.
    struct NewFile: ~Copyable {
        let number: UInt64
        let descriptor: Descriptor
    }

    func newFile() throws -> NewFile {
        try forPeople {
            let created = try session.create()
            let file = NewFile(
                number: created.number, descriptor: Descriptor(adopting: created.descriptor))
            try checked("create", directory) { fchmod(file.descriptor.number, 0o444) }
            return file
        }
    }

    /// Makes a fully written file readable under its digest and flushes when too much is waiting.
    func register(_ number: UInt64, digest: Digest, size: Int64) throws {
        let (isNew, isFull) = state.withLock { state in
            if state.pending[digest] != nil { return (false, false) }
            state.pending[digest] = number
            state.pendingBytes += size
            return (
                true,
                state.pending.count >= Self.pendingLimit
                    || state.pendingBytes >= Self.pendingBytesLimit
            )
        }
        if !isNew { session.remove(number) }
        if isFull { try flush() }
    }

    /// Removes the file and gives the error its shape for people.
    func abandon(_ number: UInt64, _ error: any Error) -> any Error {
        let isPending = state.withLock { $0.pending.values.contains(number) }
        if !isPending { session.remove(number) }
        return (error as? SystemError)?.asShuntError ?? error
    }

    func checkPoison() throws {
        if let poison = state.withLock({ $0.poison }) { throw poison }
    }
}
