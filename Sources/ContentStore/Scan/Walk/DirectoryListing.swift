internal import CLinux
internal import Glibc

/// The names of one directory, read with `getdents64` into buffers that are used again for the
/// next one: no allocation per name.
struct DirectoryListing {
    struct Name {
        /// The first eight bytes, most significant first and filled with zeros: comparing these
        /// settles most comparisons of two names.
        var head: UInt64
        var offset: UInt32
        var length: UInt16
        var type: FileType
        /// Set by who keeps it; see ``EntryRecord/Flags``.
        var includesCredentials = false
    }

    /// The kernel's `d_type`; `unknown` where the file system does not say.
    enum FileType: UInt8 {
        case unknown, file, directory, symlink, fifo, socket, device
    }

    private(set) var names: [Name] = []
    /// The names' bytes, each with a NUL behind it.
    private(set) var text: [UInt8] = []
    /// There are more names than were to be read.
    private(set) var isCut = false
    private let buffer: UnsafeMutableRawBufferPointer

    private static let bufferSize = 64 << 10

    init() {
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
    }

    /// To be called once, when the listing is of no more use.
    func deallocate() { buffer.deallocate() }

    /// Reads all names of an open directory but `.` and `..`, in no order.
    ///
    /// - Parameter limit: how many are enough; a few more may be read.
    mutating func read(
        _ descriptor: Int32, atMost limit: Int = .max, shownAs shown: @autoclosure () -> RawPath
    ) throws(SystemError) {
        names.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        isCut = false
        while true {
            if names.count > limit {
                isCut = true
                return
            }
            let count = try checked("read", shown()) {
                shunt_getdents64(descriptor, buffer.baseAddress, buffer.count)
            }
            if count == 0 { return }
            var position = 0
            while position < count {
                position += add(UnsafeRawPointer(buffer.baseAddress! + position))
            }
        }
    }

    /// Adds one `linux_dirent64`: inode 8, offset 8, record length 2, type 1, name.
    ///
    /// - Returns: its length.
    private mutating func add(_ record: UnsafeRawPointer) -> Int {
        let length = Int(record.load(fromByteOffset: 16, as: UInt16.self))
        let start = (record + 19).assumingMemoryBound(to: UInt8.self)
        let name = UnsafeBufferPointer(
            start: start, count: strlen((record + 19).assumingMemoryBound(to: CChar.self)))
        if name.count <= 2, name.allSatisfy({ $0 == UInt8(ascii: ".") }) { return length }
        names.append(
            Name(
                head: Self.head(of: name), offset: UInt32(text.count),
                length: UInt16(name.count),
                type: Self.type(record.load(fromByteOffset: 18, as: UInt8.self))))
        text.append(contentsOf: name)
        text.append(0)
        return length
    }

    static func head(of name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var head: UInt64 = 0
        for index in 0..<min(8, name.count) {
            head |= UInt64(name[index]) << UInt64(56 - 8 * index)
        }
        return head
    }

    private static func type(_ type: UInt8) -> FileType {
        // The values of `d_type`, which are those of `st_mode`'s top four bits.
        switch type {
        case 1: .fifo
        case 2, 6: .device
        case 4: .directory
        case 8: .file
        case 10: .symlink
        case 12: .socket
        default: .unknown
        }
    }

    static func type(ofMode mode: UInt32) -> FileType { type(UInt8(mode >> 12 & 15)) }

    /// Drops the names that `keep` refuses and sorts the rest by their bytes. `keep` may find out
    /// a type that was unknown.
    mutating func keepAndSort(
        _ keep: (inout Name, UnsafeBufferPointer<UInt8>) throws -> Bool
    ) rethrows {
        try text.withUnsafeBufferPointer { text in
            var kept = 0
            for index in names.indices {
                var name = names[index]
                guard try keep(&name, Self.bytes(of: name, in: text)) else { continue }
                names[kept] = name
                kept += 1
            }
            names.removeLast(names.count - kept)
            names.sort { left, right in
                left.head != right.head
                    ? left.head < right.head
                    : compareNames(Self.bytes(of: left, in: text), Self.bytes(of: right, in: text))
                        < 0
            }
        }
    }

    /// Calls `body` with each name in order.
    func forEach(_ body: (Name, UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
        try text.withUnsafeBufferPointer { text in
            for name in names { try body(name, Self.bytes(of: name, in: text)) }
        }
    }

    private static func bytes(
        of name: Name, in text: UnsafeBufferPointer<UInt8>
    ) -> UnsafeBufferPointer<UInt8> {
        let start = Int(name.offset)
        return UnsafeBufferPointer(rebasing: text[start..<(start + Int(name.length))])
    }
}

/// Byte order of two names: below, at or above 0.
func compareNames(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
    let count = min(left.count, right.count)
    // A name is never empty, so both have an address.
    let order = count == 0 ? 0 : memcmp(left.baseAddress!, right.baseAddress!, count)
    return order != 0 ? Int(order) : left.count - right.count
}
