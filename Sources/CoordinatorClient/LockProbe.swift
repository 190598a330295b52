internal import Glibc

/// Whether somebody holds a lock on a file: the kernel's word on whether a process lives.
enum LockProbe {
    /// A moment's look takes the lock where it is free; whoever starts just then and finds it taken
    /// is started again (see ``CoordinatorLauncher``).
    static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// The process that holds the lock, by the number that it wrote into the file.
    ///
    /// - Returns: `nil` where nobody holds it, or the number cannot be read.
    static func holder(_ path: String) -> pid_t? {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        let digits = buffer.prefix(max(0, count)).prefix { (0x30...0x39).contains($0) }
        guard let pid = pid_t(String(decoding: digits, as: UTF8.self)), pid > 0 else { return nil }
        return pid
    }
}
