internal import CLinux
internal import Glibc
internal import JobModel

/// An open file descriptor with one owner; closed when the owner lets go of it. Every one is
/// opened with `O_CLOEXEC`.
struct OwnedDescriptor: ~Copyable, Sendable {
    let raw: Int32

    /// Takes over a descriptor that nobody else will close.
    init(adopting raw: Int32) {
        precondition(raw >= 0, "a failed call's result is not a descriptor")
        self.raw = raw
    }

    deinit {
        // The result says nothing that could be acted upon: the descriptor is gone either way,
        // and what had to be durable was synced before.
        _ = close(raw)
    }

    /// - Throws: ``SystemError`` with the errno of `open`.
    static func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0o600
    ) throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(
            adopting: try SystemError.check("open", path) {
                shunt_open(path, flags | O_CLOEXEC, mode)
            })
    }

    /// Opens a name in this directory. Never follows a symbolic link in the last component.
    ///
    /// - Throws: ``SystemError`` with the errno of `openat`.
    borrowing func open(
        _ name: String, _ flags: Int32, mode: mode_t = 0o600
    ) throws(SystemError) -> OwnedDescriptor {
        let raw = raw
        return OwnedDescriptor(
            adopting: try SystemError.check("open", name) {
                shunt_openat(raw, name, flags | O_CLOEXEC | O_NOFOLLOW, mode)
            })
    }

    /// As ``open(_:_:mode:)``, with `nil` where there is no such name.
    borrowing func openIfPresent(
        _ name: String, _ flags: Int32
    ) throws(SystemError) -> OwnedDescriptor? {
        do throws(SystemError) {
            return try open(name, flags)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }
}
