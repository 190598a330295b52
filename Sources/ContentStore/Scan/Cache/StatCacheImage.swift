internal import Glibc
internal import JobModel

/// What a stat cache file holds, in memory as on disk: directories, their entries in byte order of
/// names, and the text of names and link targets. Host byte order: the file serves one machine.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 8 | `shuntsc` and the version, 1 |
/// | 8 | 32 | SHA-256 of everything behind it |
/// | 40 | 32 | ``StoreStamp`` of the store that has what is marked as stored, or zeros |
/// | 72 | 8 | number of directories |
/// | 80 | 8 | number of entries |
/// | 88 | 8 | bytes of text |
/// | 96 | … | directories (``DirectoryRecord``, the root first) |
/// | … | … | entries (``EntryRecord``), then the text |
///
/// The digest finds damage; the bounds are checked nevertheless, once at the start, because
/// everything after that follows raw pointers.
///
/// `@unchecked Sendable`: nothing changes after init.
final class StatCacheImage: @unchecked Sendable {
    let storeStamp: Digest
    let directories: UnsafeBufferPointer<DirectoryRecord>
    let entries: UnsafeBufferPointer<EntryRecord>
    let text: UnsafeBufferPointer<UInt8>
    private let storage: UnsafeMutableRawBufferPointer

    static let magic = Array("shuntsc\u{1}".utf8)
    static let headerLength = 96
    static let checkedFrom = 40

    /// Takes over the bytes of a file, allocated with an alignment of 8.
    ///
    /// - Returns: `nil` if they are not such a file; the bytes are freed then.
    init?(adopting bytes: UnsafeMutableRawBufferPointer) {
        guard let layout = Layout(of: UnsafeRawBufferPointer(bytes)) else {
            bytes.deallocate()
            return nil
        }
        storage = bytes
        storeStamp = bytes.loadUnaligned(fromByteOffset: 40, as: Digest.self)
        let start = UnsafeRawPointer(bytes.baseAddress!)
        directories = UnsafeBufferPointer(
            start: (start + Self.headerLength).bindMemory(
                to: DirectoryRecord.self, capacity: layout.directories),
            count: layout.directories)
        entries = UnsafeBufferPointer(
            start: (start + layout.entriesOffset).bindMemory(
                to: EntryRecord.self, capacity: layout.entries),
            count: layout.entries)
        text = UnsafeBufferPointer(
            start: (start + layout.textOffset).bindMemory(to: UInt8.self, capacity: layout.text),
            count: layout.text)
        guard areBoundsRight else { return nil }
    }

    deinit { storage.deallocate() }

    /// Where the parts stand.
    struct Layout {
        let directories: Int
        let entries: Int
        let text: Int

        var entriesOffset: Int {
            StatCacheImage.headerLength + directories * MemoryLayout<DirectoryRecord>.stride
        }
        var textOffset: Int { entriesOffset + entries * MemoryLayout<EntryRecord>.stride }
        var end: Int { textOffset + text }

        init(directories: Int, entries: Int, text: Int) {
            self.directories = directories
            self.entries = entries
            self.text = text
        }

        /// - Returns: `nil` unless magic, digest and lengths are right.
        init?(of bytes: UnsafeRawBufferPointer) {
            guard bytes.count >= headerLength, bytes.prefix(8).elementsEqual(magic) else {
                return nil
            }
            let counts = (0..<3).map {
                bytes.loadUnaligned(fromByteOffset: 72 + 8 * $0, as: Int64.self)
            }
            // No count can exceed the file's length, which keeps the sums below from overflowing.
            guard counts.allSatisfy({ $0 >= 0 && $0 <= bytes.count }), counts[0] > 0 else {
                return nil
            }
            self.init(
                directories: Int(counts[0]), entries: Int(counts[1]), text: Int(counts[2]))
            guard end == bytes.count,
                ContentHasher.digest(of: UnsafeRawBufferPointer(rebasing: bytes[checkedFrom...]))
                    == bytes.loadUnaligned(fromByteOffset: 8, as: Digest.self)
            else { return nil }
        }
    }

    private var areBoundsRight: Bool {
        for directory in directories {
            guard Int(directory.firstEntry) + Int(directory.entryCount) <= entries.count else {
                return false
            }
        }
        for entry in entries {
            guard Int(entry.nameOffset) + Int(entry.nameLength) <= text.count else { return false }
            switch entry.kind {
            case .directory: guard Int(entry.link) < directories.count else { return false }
            case .symlink:
                guard Int(entry.link) + Int(entry.targetLength) <= text.count else { return false }
            case .file, .special: break
            }
        }
        return true
    }

    /// The entries of a directory.
    func range(of directory: Int) -> Range<Int> {
        let record = directories[directory]
        let start = Int(record.firstEntry)
        return start..<(start + Int(record.entryCount))
    }

    func name(of entry: Int) -> UnsafeBufferPointer<UInt8> {
        let start = Int(entries[entry].nameOffset)
        let end = start + Int(entries[entry].nameLength)
        return UnsafeBufferPointer(rebasing: text[start..<end])
    }

    func target(of entry: Int) -> UnsafeBufferPointer<UInt8> {
        let start = Int(entries[entry].link)
        let end = start + Int(entries[entry].targetLength)
        return UnsafeBufferPointer(rebasing: text[start..<end])
    }

    /// The first entry of `range` whose name is not before `name`.
    func firstEntry(in range: Range<Int>, notBefore name: UnsafeBufferPointer<UInt8>) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if compareNames(self.name(of: middle), name) < 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
