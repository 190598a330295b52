internal import Glibc

/// An open file or directory with one owner: closed when the value goes away, CLOEXEC always.
/// Every path given to a method is relative to this directory and is never followed through a
/// symlink in its last component. Throws ``SystemError`` inside this target.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, to be used while this value lives.
    package let number: Int32

    /// Takes over a descriptor that somebody else opened.
    package init(adopting number: Int32) {
        precondition(number >= 0, "not a descriptor")
        self.number = number
    }

    deinit {
        // The result is not looked at: whatever had to be durable was synced before, and after
        // close(2) the number is gone whatever it returned.
        _ = Glibc.close(number)
    }

    /// Gives the number away to a caller that closes it.
    package consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }
}

extension Descriptor {
    /// Opens a path of any kind: absolute, or relative to the working directory.
    static func open(
        _ path: RawPath, _ flags: Int32, mode: UInt32 = 0
    ) throws(SystemError) -> Descriptor {
        let number = try path.withCString { text throws(SystemError) in
            try checked("open", path) { Glibc.open(text, flags | O_CLOEXEC, mode_t(mode)) }
        }
        return Descriptor(adopting: number)
    }

    /// Opens a directory whose path a person named; symlinks on the way are theirs to use.
    package static func directory(_ path: RawPath) throws -> Descriptor {
        try forPeople { try open(path, O_RDONLY | O_DIRECTORY) }
    }

    /// Opens a path beneath this directory without following a symlink at its end.
    func open(
        _ path: [UInt8], _ flags: Int32, mode: UInt32 = 0, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> Descriptor {
        let number = try withTerminated(path) { text throws(SystemError) in
            try checked("open", shown()) {
                Glibc.openat(self.number, text, flags | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
            }
        }
        return Descriptor(adopting: number)
    }

    func status(shownAs shown: @autoclosure () -> RawPath) throws(SystemError) -> FileStat {
        var result = stat()
        try checked("read", shown()) { fstat(number, &result) }
        return FileStat(result)
    }

    /// `lstat` of a path beneath this directory; `nil` where nothing is there.
    func status(
        of path: [UInt8], shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> FileStat? {
        var result = stat()
        do {
            try withTerminated(path) { text throws(SystemError) in
                _ = try checked("read", shown()) {
                    fstatat(number, text, &result, AT_SYMLINK_NOFOLLOW)
                }
            }
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return nil
        }
        return FileStat(result)
    }

    /// Reads until the buffer is full or the file ends.
    ///
    /// - Returns: the bytes read; less than the buffer's count only at the end of the file.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try checked("read", shown()) {
                Glibc.read(number, buffer.baseAddress! + filled, buffer.count - filled)
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Writes everything at the current position.
    func write(
        _ bytes: UnsafeRawBufferPointer, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            written += try checked("write", shown()) {
                Glibc.write(number, bytes.baseAddress! + written, bytes.count - written)
            }
        }
    }

    func makeDirectory(
        _ name: [UInt8], mode: UInt32, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        try withTerminated(name) { text throws(SystemError) in
            _ = try checked("create", shown()) { mkdirat(number, text, mode_t(mode)) }
        }
    }

    func unlink(
        _ path: [UInt8], flags: Int32 = 0, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        try withTerminated(path) { text throws(SystemError) in
            _ = try checked("remove", shown()) { unlinkat(number, text, flags) }
        }
    }

    /// The target of a symlink, up to the kernel's 4,095 bytes.
    func readLink(
        _ name: [UInt8], shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try withTerminated(name) { text throws(SystemError) in
            try checked("read the link", shown()) {
                buffer.withUnsafeMutableBytes {
                    readlinkat(
                        number, text, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
                }
            }
        }
        buffer.removeLast(buffer.count - count)
        return buffer
    }

    /// The names in this directory, unsorted, without `.` and `..`. The descriptor may be one
    /// opened for reading only; its position is left at the end.
    func names(shownAs shown: @autoclosure () -> RawPath) throws(SystemError) -> [[UInt8]] {
        let copy = try checked("read", shown()) { fcntl(number, F_DUPFD_CLOEXEC, 0) }
        guard let stream = fdopendir(copy) else {
            let code = errno
            _ = Glibc.close(copy)
            throw SystemError(operation: "read", path: shown(), code: code)
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var result: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                let code = errno
                if code != 0 { throw SystemError(operation: "read", path: shown(), code: code) }
                return result
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
                start.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
                    Array(UnsafeBufferPointer(start: bytes, count: strlen(start)))
                }
            }
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            result.append(name)
        }
    }
}
