internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel

/// An exclusive lock on a file, which says that a process lives: the kernel lets go of it when the
/// process ends, however it ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Throws: ``CoordinatorDaemon/AlreadyRunning`` if somebody holds it; ``ShuntError``.
    init(path: String) throws {
        descriptor = shunt_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ShuntError(
                .failed, "`\(path)` cannot be opened: \(String(cString: strerror(errno)))",
                hint: "ls -ld \(path)")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = close(descriptor)
            throw CoordinatorDaemon.AlreadyRunning()
        }
    }

    func release() { _ = close(descriptor) }
}
