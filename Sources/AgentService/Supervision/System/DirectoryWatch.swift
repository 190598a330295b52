internal import CLinux
internal import Glibc

/// Tells that a record has come into a directory. A hint: whoever is woken looks again at what it
/// waits for.
struct DirectoryWatch: ~Copyable {
    private let inotify: OwnedDescriptor

    /// - Parameter path: the directory; a file that is renamed into place wakes, since that is how
    ///   a record comes, and its making and writing under another name before that do not. One
    ///   that is removed wakes as well.
    init(_ path: String) throws(SystemError) {
        let flags = Int32(bitPattern: UInt32(O_CLOEXEC | O_NONBLOCK))
        let inotify = OwnedDescriptor(
            adopting: try SystemError.check("watch", path) { inotify_init1(flags) })
        let events = UInt32(IN_MOVED_TO | IN_DELETE)
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
