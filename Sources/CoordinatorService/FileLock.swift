internal import ByteStream
internal import CLinux
internal import Glibc
internal import JobModel

/// An exclusive lock on a file, which says that a process lives: the kernel lets go of it when the
/// process ends, however it ends. The file holds the number of the process that has it, or had it
/// last, for people.
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
        let text = Array("\(getpid())\n".utf8)
        // A full disk keeps the number from being read, and nothing else.
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    func release() { _ = close(descriptor) }
}
