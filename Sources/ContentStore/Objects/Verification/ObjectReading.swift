package import JobModel

/// Reads one object from its start to its end, on behalf of one caller at a time, and hashes it on
/// the way: the bytes that complete it are given only if they are what the name says. Blocks.
package final class ObjectReading {
    private let store: ObjectStore
    private let digest: Digest
    private let size: Int64
    private let object: StoredObject
    private let isVerified: Bool
    private var hasher = ContentHasher()
    private var offset: Int64 = 0

    /// - Throws: ``ShuntError`` `.notFound` where the object is not here or is damaged.
    package init(_ digest: Digest, size: Int64, in store: ObjectStore) throws {
        self.store = store
        self.digest = digest
        self.size = size
        object = try store.openForReading(digest)
        isVerified = store.verified.contains(digest, object.status)
        guard object.size == size else { throw try store.setAsideIfDamaged(digest, object) }
    }

    /// The next bytes, exactly `count`, which are here.
    ///
    /// - Throws: ``ShuntError`` `.notFound` for an object that turned out to be damaged.
    package func next(_ count: Int) throws -> [UInt8] {
        let bytes = try object.bytes(at: offset, count: count)
        offset += Int64(bytes.count)
        if !isVerified { bytes.withUnsafeBytes { hasher.update($0) } }
        guard bytes.count == count, try offset < size || isWhole() else {
            throw try store.setAsideIfDamaged(digest, object)
        }
        return bytes
    }

    /// Passes over bytes. Reads them all the same where they have to be hashed.
    package func skip(_ count: Int64) throws {
        if isVerified { return offset += count }
        var left = count
        while left > 0 {
            let step = Int(min(left, 1 << 20))
            _ = try next(step)
            left -= Int64(step)
        }
    }

    private func isWhole() throws -> Bool {
        if isVerified {
            let status = try forPeople { try object.descriptor.status(shownAs: store.directory) }
            return store.verified.contains(digest, status)
        }
        let all = hasher
        guard all.finish() == digest else { return false }
        store.verified.insert(digest, object.status)
        return true
    }
}
