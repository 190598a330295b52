internal import CLinux
internal import Glibc
internal import JobModel
internal import Synchronization

/// Copies the bytes of files between two directories, by the best way that the file systems offer:
/// shared blocks (`FICLONE`), a copy inside the kernel, reads and writes. What turned out not to
/// work is not tried again by the same instance. Never a hard link.
final class FileCopier: Sendable {
    private let canClone: Atomic<Bool>
    private let canCopyInKernel: Atomic<Bool>

    /// Below this a clone costs more than it saves.
    private static let smallestClone = 16 << 10
    /// Below this one read and one write are the fastest.
    private static let smallestKernelCopy = 128 << 10
    static let bufferSize = 256 << 10

    /// - Parameters: what to try; tests take ways out.
    init(canClone: Bool = true, canCopyInKernel: Bool = true) {
        self.canClone = Atomic(canClone)
        self.canCopyInKernel = Atomic(canCopyInKernel)
    }

    /// Fills the empty file `target` with the `size` bytes of `source`.
    ///
    /// - Returns: how many bytes there were; fewer than `size` if the source is shorter.
    func copy(
        from source: borrowing Descriptor, size: Int64, to target: borrowing Descriptor,
        buffer: UnsafeMutableRawBufferPointer, shown: RawPath
    ) throws(SystemError) -> Int64 {
        if try clone(source, size, target, shown) {
            return try target.status(shownAs: shown).size
        }
        var copied: Int64 = 0
        if size >= Self.smallestKernelCopy, canCopyInKernel.load(ordering: .relaxed) {
            copied = try copyInKernel(source, target, size, shown)
        }
        if copied < size {
            copied = try read(source.number, from: copied, buffer, shown) {
                bytes throws(SystemError) in
                try target.write(bytes, shownAs: shown)
            }
        }
        return copied
    }

    /// As ``copy(from:size:to:buffer:shown:)``, and tells what the bytes were that `target` has
    /// now, which is open for reading too.
    func copyAndHash(
        from source: borrowing Descriptor, size: Int64, to target: borrowing Descriptor,
        buffer: UnsafeMutableRawBufferPointer, shown: RawPath
    ) throws(SystemError) -> (digest: Digest, size: Int64) {
        var hasher = ContentHasher()
        // A clone is hashed itself: its bytes stand still, whatever happens to the source.
        let isClone = try clone(source, size, target, shown)
        let number = isClone ? target.number : source.number
        let copied = try read(number, from: 0, buffer, shown) { bytes throws(SystemError) in
            hasher.update(bytes)
            if !isClone { try target.write(bytes, shownAs: shown) }
        }
        return (hasher.finish(), copied)
    }

    /// - Returns: whether the target shares the source's blocks now; else it is still empty.
    private func clone(
        _ source: borrowing Descriptor, _ size: Int64, _ target: borrowing Descriptor,
        _ shown: RawPath
    ) throws(SystemError) -> Bool {
        guard size >= Self.smallestClone, canClone.load(ordering: .relaxed) else { return false }
        if shunt_clone_range(target.number, source.number) == 0 { return true }
        if errno == ENOSPC || errno == EDQUOT {
            throw SystemError(operation: "write", path: shown, code: errno)
        }
        canClone.store(false, ordering: .relaxed)
        return false
    }

    /// - Returns: how far it came before the kernel would not go on.
    private func copyInKernel(
        _ source: borrowing Descriptor, _ target: borrowing Descriptor, _ size: Int64,
        _ shown: RawPath
    ) throws(SystemError) -> Int64 {
        var copied: Int64 = 0
        while copied < size {
            let count = copy_file_range(
                source.number, nil, target.number, nil, Int(min(size - copied, 1 << 30)), 0)
            if count > 0 {
                copied += Int64(count)
                continue
            }
            if count == 0 { break }
            switch errno {
            case EINTR: continue
            case EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM:
                canCopyInKernel.store(false, ordering: .relaxed)
                return copied
            default:
                throw SystemError(operation: "write", path: shown, code: errno)
            }
        }
        return copied
    }

    /// Reads a file from `start` to its end, a buffer at a time.
    ///
    /// - Returns: where it ends.
    private func read(
        _ number: Int32, from start: Int64, _ buffer: UnsafeMutableRawBufferPointer,
        _ shown: RawPath, _ body: (UnsafeRawBufferPointer) throws(SystemError) -> Void
    ) throws(SystemError) -> Int64 {
        var offset = start
        while true {
            let count = try checked("read", shown) {
                pread(number, buffer.baseAddress!, buffer.count, off_t(offset))
            }
            if count == 0 { return offset }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}

/// A buffer of one thread, for ``FileCopier``.
final class CopyBuffer {
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FileCopier.bufferSize, alignment: 4096)

    deinit { bytes.deallocate() }
}
