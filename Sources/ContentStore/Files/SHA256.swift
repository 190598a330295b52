private import Crypto
internal import Glibc
package import JobModel

/// SHA-256 over bytes as they come; the one place that knows which library computes it.
package struct ContentHasher {
    private var state = SHA256()

    package init() {}

    /// Hashes the next bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state.update(bufferPointer: bytes)
    }

    /// The digest of all bytes so far.
    package consuming func finish() -> JobModel.Digest {
        // SHA-256 always has 32 bytes.
        state.finalize().withUnsafeBytes { JobModel.Digest(bytes: $0)! }
    }

    /// The digest of bytes that are in memory already.
    package static func digest(of bytes: UnsafeRawBufferPointer) -> JobModel.Digest {
        var hasher = ContentHasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    /// The digest of bytes that are in memory already.
    package static func digest(of bytes: [UInt8]) -> JobModel.Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }
}

extension ContentHasher {
    private static let bufferSize = 1 << 20

    /// Hashes an open file from its start, in pieces that are also handed to `each`.
    static func digest(
        of source: borrowing Descriptor, shownAs shown: RawPath,
        each: (UnsafeRawBufferPointer) throws(SystemError) -> Void = { _ in }
    ) throws(SystemError) -> (digest: JobModel.Digest, size: Int64) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bufferSize, alignment: 4096)
        defer { buffer.deallocate() }
        let number = source.number
        var hasher = ContentHasher()
        var offset: Int64 = 0
        while true {
            let count = try checked("read", shown) {
                pread(number, buffer.baseAddress!, buffer.count, off_t(offset))
            }
            if count == 0 { return (hasher.finish(), offset) }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            try each(bytes)
            offset += Int64(count)
        }
    }
}
