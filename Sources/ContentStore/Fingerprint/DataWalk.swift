internal import CLinux
internal import Glibc
package import JobModel

/// Takes the fingerprint of data in place: one walk over names, sizes and times of change, without
/// opening a file.
///
/// The digest is the SHA-256 of a record for each entry, depth first, names in the order of their
/// bytes: one byte for the kind (`f`, `d`, `l`, `s`), the name and a NUL, then, of a file, its size
/// and its time of change, and of a symbolic link its time of change, as 64-bit big-endian numbers,
/// times in nanoseconds. The end of a directory is a byte `e`. Where the data is a single file, its
/// record stands alone, with an empty name.
///
/// Links within are not followed.
package struct DataWalk {
    /// Where a walk ends before its end.
    package struct Limits: Sendable {
        package var entries = 2_000_000
        package var time = Milliseconds.seconds(30)

        package init() {}
    }

    private let limits: Limits
    private let deadline: Int64
    private var left: Int
    private var files: Int64 = 0
    private var bytes: Int64 = 0
    private var isComplete = true
    private var pending: [UInt8] = []
    private var hasher = ContentHasher()

    private static let pendingLimit = 64 << 10

    /// - Parameter path: of a directory or a file; a link to one is followed.
    /// - Throws: ``ShuntError``: `notFound` where nothing is there, `refused` where the account may
    ///   not look at it.
    package static func fingerprint(
        of path: RawPath, within limits: Limits = Limits()
    ) throws -> DataFingerprint {
        try forPeople {
            var walk = DataWalk(limits)
            return try walk.run(path)
        }
    }

    private init(_ limits: Limits) {
        self.limits = limits
        left = limits.entries
        deadline = Self.now() + limits.time.count
    }

    private mutating func run(_ path: RawPath) throws -> DataFingerprint {
        let top = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
        let status = try top.status(shownAs: path)
        switch status.kind {
        case .directory: try walk(top, path, depth: 0)
        case .file: note(UInt8(ascii: "f"), [0], status)
        case .symlink, .special:
            throw ShuntError(
                .usage, "`\(path)` is neither a directory nor a file", hint: "ls -ld \(path)")
        }
        flush()
        return DataFingerprint(
            digest: hasher.finish(), files: files, size: ByteCount(bytes), isComplete: isComplete)
    }

    private mutating func walk(
        _ folder: borrowing Descriptor, _ path: RawPath, depth: Int
    ) throws {
        var listing = DirectoryListing()
        defer { listing.deallocate() }
        try listing.read(folder.number, atMost: left, shownAs: path)
        listing.keepAndSort { _, _ in true }
        let number = folder.number
        try listing.forEach { _, name in
            guard isComplete, left > 0, depth < Self.deepest, !isLate else {
                isComplete = false
                return
            }
            left -= 1
            var found = stat()
            // Its NUL stands behind it. One that is gone by now was never there.
            guard fstatat(number, name.baseAddress!.cString, &found, AT_SYMLINK_NOFOLLOW) == 0
            else { return }
            let status = FileStat(found)
            let text = UnsafeBufferPointer(start: name.baseAddress!, count: name.count + 1)
            switch status.kind {
            case .file: note(UInt8(ascii: "f"), text, status)
            case .symlink: note(UInt8(ascii: "l"), text, status)
            case .special: note(UInt8(ascii: "s"), text, nil)
            case .directory:
                note(UInt8(ascii: "d"), text, nil)
                let inner = openat(
                    number, name.baseAddress!.cString,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard inner >= 0 else {
                    // What the account may not read, the job cannot either.
                    isComplete = false
                    return
                }
                try walk(Descriptor(adopting: inner), path.appending(Array(name)), depth: depth + 1)
            }
        }
        if listing.isCut { isComplete = false }
        add([UInt8(ascii: "e")])
    }

    /// Directories within directories; each holds one descriptor open.
    private static let deepest = 200

    private mutating func note(
        _ kind: UInt8, _ name: some Collection<UInt8>, _ status: FileStat?
    ) {
        pending.append(kind)
        pending.append(contentsOf: name)
        if let status {
            if status.kind == .file {
                files += 1
                bytes += status.size
                add(number: status.size)
            }
            add(
                number: status.modified.seconds &* 1_000_000_000
                    &+ Int64(status.modified.nanoseconds))
        }
        if pending.count >= Self.pendingLimit { flush() }
    }

    private mutating func add(_ bytes: [UInt8]) { pending += bytes }

    private mutating func add(number: Int64) {
        withUnsafeBytes(of: number.bigEndian) { pending.append(contentsOf: $0) }
    }

    private mutating func flush() {
        pending.withUnsafeBytes { hasher.update($0) }
        pending.removeAll(keepingCapacity: true)
    }

    /// Looked at for one entry of many.
    private var isLate: Bool { left % 1024 == 0 && Self.now() > deadline }

    /// Milliseconds of a clock that only goes forward.
    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension UnsafePointer<UInt8> {
    fileprivate var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(self).assumingMemoryBound(to: CChar.self)
    }
}
