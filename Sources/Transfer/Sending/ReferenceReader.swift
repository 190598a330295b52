internal import ByteStream
internal import ContentStore
internal import Glibc
internal import JobModel

/// Reads a file that was left where it is at submit, and hashes it on the way: the bytes that would
/// complete it are given only if it is still the file that its digest names.
final class ReferenceReader: ObjectReader {
    private let descriptor: Descriptor
    private let path: RawPath
    private let digest: Digest
    private let size: Int64
    private var offset: Int64 = 0
    private var hasher = ContentHasher()

    /// - Throws: ``ShuntError``, naming the file, where it cannot be opened, is no regular file or
    ///   has another size.
    init(_ reference: FileReference, size: Int64) throws {
        let path = RawPath(reference.path)
        self.path = path
        self.size = size
        digest = reference.digest
        guard !reference.path.contains(0) else {
            throw ShuntError(
                .refused, "the path of a referenced file holds a NUL", hint: "shunt ps -a")
        }
        // No wait for a writer, should a FIFO stand there by now.
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        descriptor = Descriptor(
            adopting: try Self.checked(path) { path.withCString { open($0, flags) } })
        var status = stat()
        _ = try Self.checked(path) { fstat(descriptor.number, &status) }
        guard status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == size else {
            throw changed
        }
    }

    func next(_ count: Int) throws -> [UInt8] {
        var failure: (any Error)?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        bytes.withUnsafeBytes { hasher.update($0) }
        offset += Int64(bytes.count)
        guard bytes.count == count, offset < size || isStillItself else { throw changed }
        return bytes
    }

    /// Reads all the same: the digest is over the whole file.
    func skip(_ count: Int64) throws {
        var left = count
        while left > 0 {
            let step = Int(min(left, 1 << 20))
            _ = try next(step)
            left -= Int64(step)
        }
    }

    private var isStillItself: Bool {
        let all = hasher
        return all.finish() == digest
    }

    /// - Returns: fewer bytes than there is room for only at the end of the file.
    private func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count, let start = buffer.baseAddress {
            let count = try Self.checked(path) {
                pread(
                    descriptor.number, start + filled, buffer.count - filled,
                    off_t(offset) + filled)
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    private static func checked<Value: SignedInteger & Sendable>(
        _ path: RawPath, _ call: () -> Value
    ) throws -> Value {
        do {
            return try systemCall("cannot read `\(path)`", call)
        } catch {
            throw ShuntError(
                .failed, "\(error); it was to be sent from its place, since it is large",
                hint: "ls -l '\(path)'")
        }
    }

    private var changed: ShuntError {
        ShuntError(
            .failed,
            "`\(path)` has changed since the job was submitted; it was to be sent from its place, "
                + "since it is large",
            hint: "ls -l '\(path)'")
    }
}
