private import Crypto
package import JobModel

/// SHA-256 over bytes as they come; the one place that knows which library computes it.
package struct ContentHasher {
    private var state = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state.update(bufferPointer: bytes)
    }

    package consuming func finish() -> JobModel.Digest {
        // SHA-256 always has 32 bytes.
        state.finalize().withUnsafeBytes { JobModel.Digest(bytes: $0)! }
    }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> JobModel.Digest {
        var hasher = ContentHasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    package static func digest(of bytes: [UInt8]) -> JobModel.Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }
}
