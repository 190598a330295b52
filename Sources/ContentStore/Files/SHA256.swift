private import CNettle
internal import Glibc
package import JobModel

/// SHA-256 over bytes as they come; the one place that knows which library computes it.
package struct ContentHasher {
    private var state = sha256_ctx()

    package init() {
        nettle_sha256_init(&state)
    }

    /// Hashes the next bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        nettle_sha256_update(&state, bytes.count, start)
    }

    /// The digest of all bytes so far.
    package consuming func finish() -> Digest {
        // SHA-256 always has 32 bytes.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(SHA256_DIGEST_SIZE)) { digest in
            shunt_sha256_digest(&state, digest.baseAddress)
            return Digest(bytes: UnsafeRawBufferPointer(digest))!
        }
    }

    /// The digest of bytes that are in memory already.
    package static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        var hasher = ContentHasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    /// The digest of bytes that are in memory already.
    package static func digest(of bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }
}

extension ContentHasher {
    private static let bufferSize = 1 << 20

    /// Hashes an open file from its start, in pieces that are also handed to `each`.
    static func digest(
        of source: borrowing Descriptor, shownAs shown: RawPath,
        each: (UnsafeRawBufferPointer) throws(SystemError) -> Void = { _ in }
    ) throws(SystemError) -> (digest: Digest, size: Int64) {
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
