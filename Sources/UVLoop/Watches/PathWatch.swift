package import ByteStream
internal import CLibUV

/// Calls back on the loop's thread when something changes at a path or, for a directory, among its
/// entries (not below them).
///
/// **A hint, not a record.** inotify merges and drops events, a network file system reports none
/// of what others do, and a file that is replaced takes its watch along. Rescan after a call, and
/// now and then without one.
package final class PathWatch: UVHandle {
    /// What may have changed.
    package struct Change: Hashable, Sendable {
        /// The entry of the directory, as raw bytes; `nil` where it is not known.
        package var name: [UInt8]?
        /// It came, went or was renamed; else its content or its metadata changed.
        package var isRename: Bool

        package init(name: [UInt8]?, isRename: Bool) {
            self.name = name
            self.isRename = isRename
        }
    }

    private let onChange: (Result<Change, StreamError>) -> Void

    /// - Parameter onChange: gets an error where the watch broke and tells nothing more.
    /// - Throws: ``StreamError``: `ENOENT`; `ENOSPC` at the limit on watches (inotify(7)).
    package init(
        path: String, on loop: UVLoop,
        onChange: @escaping (Result<Change, StreamError>) -> Void
    ) throws(StreamError) {
        self.onChange = onChange
        try super.init("watch `\(path)`", UV_FS_EVENT, on: loop) { loop, memory in
            uv_fs_event_init(loop, memory.assumingMemoryBound(to: uv_fs_event_t.self))
        }
        let code = uv_fs_event_start(
            pointer(to: uv_fs_event_t.self),
            { handle, name, events, status in
                UVHandle.of(handle, as: PathWatch.self)?.report(name, events, status)
            }, path, 0)
        if code < 0 { close() }
        try uvCall("watch `\(path)`", code)
    }

    private func report(_ name: UnsafePointer<CChar>?, _ events: Int32, _ status: Int32) {
        guard status == 0 else {
            onChange(.failure(StreamError(operation: "watch a path", errno: -status)))
            return
        }
        let bytes = name.map { Array(UnsafeBufferPointer(start: $0, count: length(of: $0))) }
        let isRename = events & Int32(UV_RENAME.rawValue) != 0
        onChange(
            .success(Change(name: bytes?.map(UInt8.init(bitPattern:)), isRename: isRename)))
    }

    private func length(of text: UnsafePointer<CChar>) -> Int {
        var length = 0
        while text[length] != 0 { length += 1 }
        return length
    }
}
