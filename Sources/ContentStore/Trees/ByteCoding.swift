internal import JobModel

/// Reads fixed-width big-endian fields from an object's bytes; every read is checked against the
/// end. Used for trees, metadata and baselines.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws(TreeError.Problem) -> UInt8 {
        guard position < bytes.count else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type
    ) throws(TreeError.Problem) -> Value {
        let width = MemoryLayout<Value>.size
        guard remaining >= width else { throw .truncated }
        defer { position += width }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    /// A size or a count: unsigned in the format, at most 2⁶³−1.
    mutating func magnitude() throws(TreeError.Problem) -> Int64 {
        guard let value = Int64(exactly: try integer(UInt64.self)) else { throw .numberOutOfRange }
        return value
    }

    mutating func raw(_ count: Int) throws(TreeError.Problem) -> [UInt8] {
        guard remaining >= count else { throw .truncated }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    /// One algorithm byte and the digest.
    mutating func digest() throws(TreeError.Problem) -> Digest {
        let algorithm = try byte()
        guard algorithm == Digest.sha256Algorithm else { throw .unknownAlgorithm(algorithm) }
        guard remaining >= Digest.byteCount else { throw .truncated }
        defer { position += Digest.byteCount }
        // The slice has exactly as many bytes as a digest.
        return Digest(bytes: bytes[position..<(position + Digest.byteCount)])!
    }

    mutating func time() throws(TreeError.Problem) -> FileTime {
        let seconds = try integer(Int64.self)
        let nanoseconds = try integer(UInt32.self)
        guard nanoseconds < 1_000_000_000 else { throw .numberOutOfRange }
        return FileTime(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// The magic of a format and its version, which must be the one given.
    mutating func header(_ magic: StaticString, version: UInt8) throws(TreeError.Problem) {
        for index in 0..<magic.utf8CodeUnitCount {
            guard remaining > 0, try byte() == magic.utf8Start[index] else { throw .notATree }
        }
        let found = try byte()
        guard found == version else { throw found > version ? .newerVersion(found) : .notATree }
    }

    func end() throws(TreeError.Problem) {
        guard remaining == 0 else { throw .trailingBytes }
    }
}

extension TreeError.Problem: Error {}

/// The writing side of ``ByteReader``.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func magnitude(_ value: Int64) { integer(UInt64(value)) }

    mutating func raw(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }

    mutating func digest(_ value: Digest) {
        bytes.append(Digest.sha256Algorithm)
        value.append(to: &bytes)
    }

    mutating func time(_ value: FileTime) {
        integer(value.seconds)
        integer(value.nanoseconds)
    }

    mutating func header(_ magic: StaticString, version: UInt8) {
        for index in 0..<magic.utf8CodeUnitCount { bytes.append(magic.utf8Start[index]) }
        bytes.append(version)
    }
}
