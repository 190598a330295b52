/// A first-in-first-out line of bytes, kept as the arrays they came in. Values only: no locks, no
/// bounds; ``BoundedByteQueue`` adds both.
///
/// Large arrays pass through without a copy. Small ones are joined, up to
/// ``StreamLimits/coalesce``, so that the memory held stays near ``count``.
struct ByteChunks: Sendable {
    /// Bytes held.
    private(set) var count = 0

    /// None of them empty. A slice keeps its whole array alive.
    private var chunks = Fifo<ArraySlice<UInt8>>()

    var isEmpty: Bool { count == 0 }

    /// The oldest bytes that lie together, or `nil` if there are none.
    var first: ArraySlice<UInt8>? { chunks.first }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        if let last = chunks.last?.count, last + bytes.count <= StreamLimits.coalesce {
            chunks.updateLast { $0.append(contentsOf: bytes) }
        } else {
            chunks.append(bytes)
        }
    }

    /// Drops the oldest `length` bytes, all of them within ``first``.
    mutating func removeFirst(_ length: Int) {
        count -= length
        let isEmpty = chunks.updateFirst { chunk in
            chunk.removeFirst(length)
            return chunk.isEmpty
        }
        if isEmpty { _ = chunks.popFirst() }
    }

    /// Takes the oldest bytes: 1 … `limit` of them, without a copy where a whole array fits.
    mutating func take(atMost limit: Int) -> [UInt8] {
        guard let oldest = first else { return [] }
        let taken = oldest.prefix(limit)
        removeFirst(taken.count)
        return Array(taken)
    }

    mutating func removeAll() { self = ByteChunks() }
}
