internal import ContentStore
internal import Glibc
internal import JobModel

/// Reads a file that is small or not wanted at all.
enum SmallFile {
    /// - Throws: `failed` for one that cannot be read or has more than `limit` bytes.
    static func read(_ path: RawPath, limit: Int) throws -> [UInt8] {
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw failure(path, EFBIG) }
        }
    }

    private static func failure(_ path: RawPath, _ code: Int32) -> ShuntError {
        ShuntError(
            .failed, "`\(path)` cannot be read: \(String(cString: strerror(code)))",
            hint: "ls -l '\(path)'")
    }
}
