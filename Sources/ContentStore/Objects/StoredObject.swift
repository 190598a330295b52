internal import Glibc

/// An object opened for reading. The bytes stay readable while this lives, whatever happens to
/// the name.
package struct StoredObject: ~Copyable, Sendable {
    /// The open file; positioned reads only, so that several may share it.
    package let descriptor: Descriptor
    /// As it was when it was opened.
    let status: FileStat
    private let shown: RawPath

    package var size: Int64 { status.size }

    init(descriptor: consuming Descriptor, status: FileStat, shown: RawPath) {
        self.descriptor = descriptor
        self.status = status
        self.shown = shown
    }

    /// Reads from `offset` until the buffer is full or the object ends.
    ///
    /// - Returns: the number of bytes read.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try forPeople {
            var filled = 0
            while filled < buffer.count {
                let count = try checked("read", shown) {
                    pread(
                        descriptor.number, buffer.baseAddress! + filled, buffer.count - filled,
                        off_t(offset) + filled)
                }
                if count == 0 { break }
                filled += count
            }
            return filled
        }
    }

    /// Up to `count` bytes from `offset`; fewer only at the object's end.
    package func bytes(at offset: Int64, count: Int) throws -> [UInt8] {
        let wanted = Int(min(Int64(count), max(0, size - offset)))
        var failure: (any Error)?
        let result = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            do {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }
}
