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
}
