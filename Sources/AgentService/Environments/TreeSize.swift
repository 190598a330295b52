internal import CLinux
internal import Glibc
internal import JobModel

/// What the files below a directory take on disk. Blocks.
enum TreeSize {
    /// - Returns: `false` for one that is not there, or that cannot be looked at.
    static func exceeds(_ limit: ByteCount, at path: String) -> Bool {
        // A build that goes on changes under the look; the next one sees what this one missed.
        guard let root = try? OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        else { return false }
        var left = limit.bytes
        take(root, from: &left)
        return left < 0
    }

    private static func take(_ directory: borrowing OwnedDescriptor, from left: inout Int64) {
        // Likewise.
        for name in (try? directory.names()) ?? [] {
            var status = stat()
            guard left >= 0, fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0
            else { continue }
            left -= Int64(status.st_blocks) * 512
            guard status.st_mode & S_IFMT == S_IFDIR else { continue }
            // Likewise.
            if let below = try? directory.open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) {
                take(below, from: &left)
            }
        }
    }
}
