internal import CZstd
internal import JobModel
internal import Wire

/// Turns the bytes of objects into bodies of frames and back.
enum BodyCodec {
    /// The fastest level that still halves text: the processor is not to be the bottleneck.
    private static let level: Int32 = 1

    /// The bytes as they are, or compressed where that is wanted and saves a sixteenth at least.
    static func encode(_ bytes: [UInt8], compressing: Bool) -> EncodedBody {
        guard compressing, bytes.count > 128 else { return EncodedBody(bytes: bytes) }
        let limit = bytes.count - bytes.count / 16
        var size = 0
        let compressed = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            size = ZSTD_compress(buffer.baseAddress, limit, bytes, bytes.count, level)
            // Fails where the result would be larger than the buffer, which is not worth it.
            filled = ZSTD_isError(size) == 0 ? size : 0
        }
        return compressed.isEmpty
            ? EncodedBody(bytes: bytes) : EncodedBody(bytes: compressed, compression: .zstd)
    }

    /// - Parameter size: what the bytes must come to; at most a body's, checked when the frame was
    ///   decoded, so that no peer decides how much is allocated.
    static func decode(_ body: EncodedBody, size: Int) throws -> [UInt8] {
        switch body.compression {
        case .none:
            return body.bytes
        case .zstd:
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                result = ZSTD_decompress(buffer.baseAddress, size, body.bytes, body.bytes.count)
                filled = ZSTD_isError(result) == 0 ? result : 0
            }
            guard ZSTD_isError(result) == 0, bytes.count == size else {
                throw TransferFault.compression
            }
            return bytes
        }
    }
}
