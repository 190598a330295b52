internal import CLinux
internal import Glibc

/// An exclusive open-file-description lock, held until it is dropped or the process ends.
///
/// OFD locks and not `flock`, because they can be asked about without being taken: an observer
/// that took a lock for an instant could make an init or a supervisor that starts in that instant
/// give up.
struct FileLock: ~Copyable {
    private let file: OwnedDescriptor

    /// - Returns: `nil` while another process holds it.
    static func take(
        _ name: String, in directory: borrowing OwnedDescriptor
    ) throws(SystemError) -> FileLock? {
        let file = try directory.open(name, O_RDWR | O_CREAT)
        let raw = file.raw
        do throws(SystemError) {
            try SystemError.check("lock", name) { shunt_set_lock(raw, Int16(F_WRLCK)) }
        } catch {
            if error.errno == EAGAIN || error.errno == EACCES { return nil }
            throw error
        }
        return FileLock(file: file)
    }

    /// Says in the lock's file who has it, for whoever has to find this process.
    func writeProcess() {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(file.raw, 0) == 0 else { return }
        // On a full disk this process cannot be found, and does its work all the same.
        try? SmallFile.overwrite(text, at: 0, in: file, "lock")
    }

    /// Gives the lock back. Dropping the value does the same; this says where.
    consuming func release() {}

    /// Whether somebody holds it. A file that is not there is not locked.
    static func isHeld(
        _ name: String, in directory: borrowing OwnedDescriptor
    ) throws(SystemError) -> Bool {
        guard let file = try directory.openIfPresent(name, O_RDWR) else { return false }
        let raw = file.raw
        return try SystemError.check("ask for the lock", name) { shunt_is_locked(raw) } == 1
    }
}
