internal import Glibc

/// A moment as a file system keeps it: seconds since 1970 (may be negative) and 0 … 999,999,999
/// nanoseconds.
package struct FileTime: Hashable, Sendable, Comparable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: FileTime, right: FileTime) -> Bool {
        left.seconds != right.seconds
            ? left.seconds < right.seconds : left.nanoseconds < right.nanoseconds
    }
}

extension FileTime {
    init(_ time: timespec) {
        self.init(seconds: Int64(time.tv_sec), nanoseconds: UInt32(clamping: time.tv_nsec))
    }

    var timespec: timespec {
        Glibc.timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
    }
}

/// What `lstat` says about one file, as far as it tells whether the file is still the one that
/// was hashed. A file's bytes cannot change without at least one of these fields changing, but for
/// the grain of the clock: whoever caches by it also needs the racy-timestamp rule.
package struct FileStat: Hashable, Sendable {
    package var device: UInt64
    package var inode: UInt64
    package var size: Int64
    package var modified: FileTime
    package var changed: FileTime
    /// Type and permission bits as in `st_mode`.
    package var mode: UInt32

    package init(
        device: UInt64, inode: UInt64, size: Int64, modified: FileTime, changed: FileTime,
        mode: UInt32
    ) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
        self.mode = mode
    }

    /// What lies at the path, as far as trees tell it apart.
    package enum Kind: UInt8, Sendable {
        case file
        case directory
        case symlink
        /// A fifo, socket or device: never part of a tree.
        case special
    }

    package var kind: Kind {
        switch mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): .file
        case UInt32(S_IFDIR): .directory
        case UInt32(S_IFLNK): .symlink
        default: .special
        }
    }

    /// Whether the owner may execute it: the one permission bit that is part of a tree.
    package var isExecutable: Bool { mode & UInt32(S_IXUSR) != 0 }
}

/// Which file it is, by whatever name: hard links share it.
package struct FileIdentity: Hashable, Sendable {
    package var device: UInt64
    package var inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

extension FileStat {
    var identity: FileIdentity { FileIdentity(device: device, inode: inode) }

    init(_ stat: stat) {
        self.init(
            device: UInt64(stat.st_dev), inode: UInt64(stat.st_ino), size: Int64(stat.st_size),
            modified: FileTime(stat.st_mtim), changed: FileTime(stat.st_ctim),
            mode: UInt32(stat.st_mode))
    }
}
