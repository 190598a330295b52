internal import CLinux
internal import Glibc
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
        if size >= Self.smallestClone, canClone.load(ordering: .relaxed) {
            if shunt_clone_range(target.number, source.number) == 0 {
                return try target.status(shownAs: shown).size
            }
            if errno == ENOSPC || errno == EDQUOT {
                throw SystemError(operation: "write", path: shown, code: errno)
            }
            canClone.store(false, ordering: .relaxed)
        }
        var copied: Int64 = 0
        if size >= Self.smallestKernelCopy, canCopyInKernel.load(ordering: .relaxed) {
            copied = try copyInKernel(source, target, size, shown)
        }
        if copied < size { copied = try copyThroughBuffer(source, target, copied, buffer, shown) }
        return copied
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

    private func copyThroughBuffer(
        _ source: borrowing Descriptor, _ target: borrowing Descriptor, _ start: Int64,
        _ buffer: UnsafeMutableRawBufferPointer, _ shown: RawPath
    ) throws(SystemError) -> Int64 {
        var copied = start
        while true {
            let count = try checked("read", shown) {
                pread(source.number, buffer.baseAddress!, buffer.count, off_t(copied))
            }
            if count == 0 { return copied }
            try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), shownAs: shown)
            copied += Int64(count)
        }
    }
}

/// A buffer of one thread, for ``FileCopier``.
final class CopyBuffer {
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: FileCopier.bufferSize, alignment: 4096)

    deinit { bytes.deallocate() }
}
