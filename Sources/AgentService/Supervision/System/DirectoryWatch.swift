internal import CLinux
internal import Glibc

/// Tells that something in a directory may have changed. A hint: whoever is woken looks again at
/// what it waits for.
struct DirectoryWatch: ~Copyable {
    private let inotify: OwnedDescriptor

    /// - Parameter path: the directory; names that appear in it, are replaced or removed wake,
    ///   changes within its files do not.
    init(_ path: String) throws(SystemError) {
        let flags = Int32(bitPattern: UInt32(O_CLOEXEC | O_NONBLOCK))
        let inotify = OwnedDescriptor(
            adopting: try SystemError.check("watch", path) { inotify_init1(flags) })
        let events = UInt32(IN_CREATE | IN_MOVED_TO | IN_DELETE)
        try SystemError.check("watch", path) { inotify_add_watch(inotify.raw, path, events) }
        self.inotify = inotify
    }

    /// Readable when something has changed since the last ``drain()``.
    var descriptor: Int32 { inotify.raw }

    /// Forgets what was reported so far. To be called before looking, so that nothing is missed.
    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            while read(inotify.raw, buffer.baseAddress!, buffer.count) > 0 {}
        }
    }

    /// Waits for a change.
    ///
    /// - Returns: `false` when the time is up.
    func wait(milliseconds: Int32) -> Bool {
        var source = pollfd(fd: inotify.raw, events: Int16(POLLIN), revents: 0)
        return poll(&source, 1, milliseconds) > 0
    }
}
