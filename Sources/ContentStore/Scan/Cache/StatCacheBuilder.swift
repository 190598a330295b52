internal import JobModel

/// Lays a new stat cache out in memory, directory by directory in the order of a walk, so that the
/// root comes first and its record has index 0.
struct StatCacheBuilder {
    private var directories: [DirectoryRecord] = []
    private var entries: [EntryRecord] = []
    private var text: [UInt8] = []
    private let storeStamp: Digest

    /// - Parameter storeStamp: of the store that holds what is marked as stored, or `nil` where
    ///   that is not known to be durable.
    init(storeStamp: Digest?, directories: Int, entries: Int) {
        self.storeStamp = storeStamp ?? EntryRecord.noDigest
        self.directories.reserveCapacity(directories)
        self.entries.reserveCapacity(entries)
        text.reserveCapacity(entries * 20)
    }

    /// Begins the next directory, to which the entries added from now on belong.
    mutating func add(_ directory: DirectoryRecord) {
        var record = directory
        record.firstEntry = UInt32(entries.count)
        record.entryCount = 0
        directories.append(record)
    }

    /// Adds an entry, in byte order of names.
    ///
    /// - Parameters:
    ///   - link: of a directory, the index that its record will have.
    ///   - target: of a symlink.
    mutating func add(
        _ entry: EntryRecord, name: UnsafeBufferPointer<UInt8>, link: UInt32,
        target: [UInt8] = []
    ) {
        var record = entry
        record.flags.formIntersection(.kept)
        record.nameOffset = UInt32(text.count)
        text.append(contentsOf: name)
        record.link = link
        if record.kind == .symlink {
            record.link = UInt32(text.count)
            record.targetLength = UInt16(target.count)
            text.append(contentsOf: target)
        }
        entries.append(record)
        directories[directories.count - 1].entryCount += 1
    }

    /// Whether the offsets of the format reach: 4 GiB of names. Beyond that nothing is cached.
    var fits: Bool { text.count < Int(UInt32.max) && entries.count < Int(UInt32.max) }

    /// The bytes of the file.
    func bytes() -> [UInt8] {
        let layout = StatCacheImage.Layout(
            directories: directories.count, entries: entries.count, text: text.count)
        return [UInt8](unsafeUninitializedCapacity: layout.end) { buffer, count in
            fill(UnsafeMutableRawBufferPointer(buffer), layout)
            count = layout.end
        }
    }

    private func fill(
        _ bytes: UnsafeMutableRawBufferPointer, _ layout: StatCacheImage.Layout
    ) {
        bytes.copyBytes(from: StatCacheImage.magic)
        bytes.storeBytes(of: storeStamp, toByteOffset: 40, as: Digest.self)
        for (index, count) in [directories.count, entries.count, text.count].enumerated() {
            bytes.storeBytes(of: Int64(count), toByteOffset: 72 + 8 * index, as: Int64.self)
        }
        func copy(_ source: UnsafeRawBufferPointer, to offset: Int) {
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]).copyMemory(from: source)
        }
        directories.withUnsafeBytes { copy($0, to: StatCacheImage.headerLength) }
        entries.withUnsafeBytes { copy($0, to: layout.entriesOffset) }
        text.withUnsafeBytes { copy($0, to: layout.textOffset) }
        let checked = UnsafeRawBufferPointer(rebasing: bytes[StatCacheImage.checkedFrom...])
        bytes.storeBytes(of: ContentHasher.digest(of: checked), toByteOffset: 8, as: Digest.self)
    }
}
