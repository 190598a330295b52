internal import ByteStream
internal import CLinux
internal import Glibc

/// Reads small files of the user's.
enum BoundedFile {
    /// - Returns: `nil` if there is no such file.
    /// - Throws: ``SSHError`` if there is one that cannot be read, or is too large: what stands in
    ///   it could matter.
    static func read(_ path: String) throws(SSHError) -> [UInt8]? {
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("read `\(path)`", errno, path)
        }
        let descriptor = OwnedDescriptor(adopting: raw)
        var status = stat()
        guard fstat(raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw failure("read `\(path)`", EINVAL, path)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= SSHLimits.file {
            let count = Glibc.read(descriptor.raw, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("read `\(path)`", errno, path) }
            bytes += buffer.prefix(count)
        }
        throw failure("read `\(path)`", EFBIG, path)
    }

    /// Appends a line of its own, durably; makes the file (0600) where there is none.
    static func append(line: String, to path: String) throws(SSHError) {
        let raw = shunt_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw failure("write `\(path)`", errno, path) }
        let descriptor = OwnedDescriptor(adopting: raw)
        // A last line without its end would run together with this one.
        var last = UInt8(ascii: "\n")
        let size = lseek(descriptor.raw, 0, SEEK_END)
        if size > 0 { _ = pread(descriptor.raw, &last, 1, size - 1) }
        let text = Array(((last == UInt8(ascii: "\n") ? "" : "\n") + line + "\n").utf8)
        guard write(descriptor.raw, text, text.count) == text.count,
            fsync(descriptor.raw) == 0
        else { throw failure("write `\(path)`", errno, path) }
    }

    private static func failure(_ operation: String, _ errno: Int32, _ path: String) -> SSHError {
        SSHError(
            .configuration, "\(StreamError(operation: operation, errno: errno))",
            hint: "ls -l \(SSHError.quoted(path))")
    }
}
