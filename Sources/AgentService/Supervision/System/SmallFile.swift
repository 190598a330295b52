internal import CLinux
internal import Glibc

/// Whole small files: read in one go, replaced in one step.
enum SmallFile {
    /// - Returns: at most `limit` bytes from the start.
    static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        try read(OwnedDescriptor.open(path, O_RDONLY), path, limit: limit)
    }

    /// The first MiB of a file as text; `nil` where it cannot be read.
    static func text(_ path: String) -> String? {
        // Callers do without: what is not there or not ours to read has no text.
        guard let bytes = try? read(path, limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Returns: at most `limit` bytes from the start; `nil` where there is no such file.
    static func read(
        _ name: String, in directory: borrowing OwnedDescriptor, limit: Int
    ) throws(SystemError) -> [UInt8]? {
        guard let file = try directory.openIfPresent(name, O_RDONLY | O_NONBLOCK) else {
            return nil
        }
        return try read(file, name, limit: limit)
    }

    private static func read(
        _ file: consuming OwnedDescriptor, _ name: String, limit: Int
    ) throws(SystemError) -> [UInt8] {
        let raw = file.raw
        var bytes: [UInt8] = []
        var failure: SystemError?
        while bytes.count < limit, failure == nil {
            let want = min(limit - bytes.count, 16 << 10)
            let before = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: want))
            let count = bytes.withUnsafeMutableBytes { buffer -> Int in
                do throws(SystemError) {
                    return try SystemError.check("read", name) {
                        Glibc.read(raw, buffer.baseAddress! + before, want)
                    }
                } catch {
                    failure = error
                    return 0
                }
            }
            bytes.removeSubrange((before + count)...)
            if count == 0 { break }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Replaces `name` with these bytes by way of `name.tmp`. `durable`: the file is synced before
    /// the rename and the directory after it.
    static func write(
        _ bytes: [UInt8], to name: String, in directory: borrowing OwnedDescriptor, durable: Bool
    ) throws(SystemError) {
        let temporary = name + ".tmp"
        // Not truncated first: a temporary that was reserved keeps its space until it is filled.
        let file = try directory.open(temporary, O_WRONLY | O_CREAT)
        try overwrite(bytes, at: 0, in: file, temporary)
        try SystemError.check("truncate", temporary) { ftruncate(file.raw, off_t(bytes.count)) }
        if durable { try SystemError.check("sync", temporary) { fsync(file.raw) } }
        let raw = directory.raw
        try SystemError.check("rename", temporary) { renameat(raw, temporary, raw, name) }
        if durable { try SystemError.check("sync the directory of", name) { fsync(raw) } }
    }

    /// Allocates `name.tmp` while there is space, so that a full disk cannot swallow the record
    /// that ``write(_:to:in:durable:)`` puts there later.
    static func reserve(_ name: String, in directory: borrowing OwnedDescriptor) {
        // Best effort: without the reservation the record waits until there is space.
        guard let file = try? directory.open(name + ".tmp", O_WRONLY | O_CREAT) else { return }
        try? overwrite([UInt8](repeating: 0, count: 4096), at: 0, in: file, name)
    }

    /// Writes all bytes at an offset.
    static func overwrite(
        _ bytes: [UInt8], at offset: UInt64, in file: borrowing OwnedDescriptor, _ name: String
    ) throws(SystemError) {
        let raw = file.raw
        var done = 0
        while done < bytes.count {
            let start = done
            done += try SystemError.check("write", name) {
                bytes.withUnsafeBytes {
                    pwrite(
                        raw, $0.baseAddress! + start, bytes.count - start,
                        off_t(offset) + off_t(start))
                }
            }
        }
    }

    static func exists(_ name: String, in directory: borrowing OwnedDescriptor) -> Bool {
        faccessat(directory.raw, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
    }
}
