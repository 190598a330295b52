internal import Glibc
internal import JobModel

/// One entry of one directory, as a walk fills it and as the stat cache keeps it: 96 bytes without
/// padding or references, so that 200,000 of them are one flat block each way.
///
/// In a walk, `nameOffset` counts from the directory's block of names; in the cache, from the start
/// of its text. `link` is by kind: of a directory the index of its node or ``DirectoryRecord``, of
/// a symlink (cache only) the offset of its target, of a file (walk only) the index of its cached
/// record, or ``none``.
struct EntryRecord {
    /// Of a file its content, once ``Flags/hasDigest``; of a directory its directory object.
    var digest = Self.noDigest
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var size: Int64 = 0
    var modifiedSeconds: Int64 = 0
    var changedSeconds: Int64 = 0
    var modifiedNanoseconds: UInt32 = 0
    var changedNanoseconds: UInt32 = 0
    var nameOffset: UInt32 = 0
    var link: UInt32 = Self.none
    var nameLength: UInt16 = 0
    var targetLength: UInt16 = 0
    /// `st_mode`, which has 16 bits.
    var mode: UInt16 = 0
    var flags = Flags()

    static let none = UInt32.max
    static let noDigest = Digest(bytes: [UInt8](repeating: 0, count: Digest.byteCount))!

    struct Flags: OptionSet {
        let rawValue: UInt16

        /// The digest belongs to the status beside it.
        static let hasDigest = Flags(rawValue: 1)
        /// The status is old enough to tell a later change; see ``TimestampGrain``.
        static let isSettled = Flags(rawValue: 2)
        /// The content was put into the store that the cache names.
        static let isStored = Flags(rawValue: 4)

        // Of a walk alone.

        /// Not part of the tree: vanished, special, or a directory that turned out excluded.
        static let isGone = Flags(rawValue: 1 << 8)
        static let needsHash = Flags(rawValue: 1 << 9)
        /// The cache has an entry of this name with the same kind, executable bit and content.
        static let sameContent = Flags(rawValue: 1 << 10)
        /// Likewise, with the same modification time.
        static let sameTime = Flags(rawValue: 1 << 11)
        /// The cached record is this one, field by field.
        static let sameRecord = Flags(rawValue: 1 << 12)

        /// A directory that was included although its name speaks of credentials.
        static let includesCredentials = Flags(rawValue: 1 << 13)

        static let kept: Flags = [.hasDigest, .isSettled, .isStored]
    }

    /// Whether two statuses show no sign of a change: all that `lstat` tells of one.
    func hasStatus(of other: EntryRecord) -> Bool {
        inode == other.inode && size == other.size && changedSeconds == other.changedSeconds
            && changedNanoseconds == other.changedNanoseconds && hasTime(of: other)
            && device == other.device && mode == other.mode
    }

    func hasTime(of other: EntryRecord) -> Bool {
        modifiedSeconds == other.modifiedSeconds
            && modifiedNanoseconds == other.modifiedNanoseconds
    }

    var kind: FileStat.Kind {
        switch UInt32(mode) & UInt32(S_IFMT) {
        case UInt32(S_IFREG): .file
        case UInt32(S_IFDIR): .directory
        case UInt32(S_IFLNK): .symlink
        default: .special
        }
    }

    var isExecutable: Bool { UInt32(mode) & UInt32(S_IXUSR) != 0 }

    var modified: FileTime {
        FileTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
    }

    var status: FileStat {
        FileStat(
            device: device, inode: inode, size: size, modified: modified,
            changed: FileTime(seconds: changedSeconds, nanoseconds: changedNanoseconds),
            mode: UInt32(mode))
    }

    mutating func setStatus(_ status: FileStat) {
        device = status.device
        inode = status.inode
        size = status.size
        modifiedSeconds = status.modified.seconds
        modifiedNanoseconds = status.modified.nanoseconds
        changedSeconds = status.changed.seconds
        changedNanoseconds = status.changed.nanoseconds
        mode = UInt16(truncatingIfNeeded: status.mode)
    }
}

/// One directory of the stat cache: where its entries stand, and what they came to.
struct DirectoryRecord {
    /// Directory and metadata object.
    var content: Digest
    var metadata: Digest
    var files: Int64
    var directories: Int64
    var bytes: Int64
    /// Modification time of the directory itself, which its metadata object holds.
    var modifiedSeconds: Int64
    var modifiedNanoseconds: UInt32
    var firstEntry: UInt32
    var entryCount: UInt32
    /// Keeps the record free of padding.
    var reserved: UInt32 = 0

    var totals: TreeTotals { TreeTotals(files: files, directories: directories, bytes: bytes) }
}
