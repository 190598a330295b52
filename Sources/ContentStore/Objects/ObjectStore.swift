internal import Glibc
package import JobModel
internal import Synchronization

/// Whole files named by the SHA-256 of their bytes, in one directory of one file system, shared by
/// any number of processes of one account:
///
/// ```
/// DIR/version                 what ``StoreLayout`` writes; a newer one is refused
/// DIR/objects/ab/cdef…        an object, 0444, named by its digest's 64 digits
/// DIR/temporary/SESSION/N     files of one open store, not yet objects
/// DIR/damaged/…               objects whose bytes were found to be others, for people
/// DIR/generation              changes when an object is taken out; see ``StoreStamp``
/// DIR/publish.lock            held while objects get their names; see ``flush()``
/// ```
///
/// **Durable before visible.** What is inserted stays in the session's folder, readable through
/// this instance only, until ``flush()`` has made its bytes durable; only then does it get its
/// name. A name under `objects/` therefore always has its bytes, after a `kill -9` and after a
/// power cut, and whoever sees one may say "I have it" once their own ``flush()`` returned.
///
/// What can go wrong: a full disk fails the insert and leaves nothing behind; a failed sync poisons
/// this instance, which from then on throws the same error, because the kernel may have dropped
/// what was written. Objects that had their names before are not touched by that.
///
/// All methods block; they belong on a thread that may. They may be called from several at once.
package final class ObjectStore: Sendable {
    package let directory: RawPath
    /// The folder of objects; every object is opened relative to it.
    let objects: Descriptor
    let publishLock: Descriptor
    let session: TemporarySession
    let sync: DiskSync
    let verified = VerifiedObjects()
    /// See ``readsBeforeTrusting``.
    let isDoubtful = Atomic(false)
    let state = Mutex(State())
    /// One flush at a time; inserts go on meanwhile.
    let flushing = Mutex(())

    struct State {
        /// Inserted and not yet named: the number of the temporary file.
        var pending: [Digest: UInt64] = [:]
        var pendingBytes: Int64 = 0
        /// Set by the first failed sync, and never cleared.
        var poison: ShuntError?
    }

    /// Inserts beyond this many objects or bytes flush first, which bounds memory and what a crash
    /// can lose.
    static let pendingLimit = 8192
    static let pendingBytesLimit: Int64 = 4 << 30

    /// Opens the store in `directory`, creating it where nothing is there.
    ///
    /// - Throws: ``ShuntError`` `.refused` for a store of a newer format.
    package convenience init(at directory: RawPath) throws {
        try self.init(at: directory, sync: .kernel)
    }

    init(at directory: RawPath, sync: DiskSync) throws {
        let layout = try forPeople { try StoreLayout.open(directory, sync: sync) }
        self.directory = directory
        self.sync = sync
        session = TemporarySession(in: layout.temporary, shown: directory)
        publishLock = layout.publishLock
        objects = layout.objects
        // What dead processes left costs only space; where it cannot go, it can stay.
        _ = try? session.removeLeftovers()
    }

    deinit {
        session.discard()
    }
}

// MARK: - Looking up

extension ObjectStore {
    /// Whether the object can be read through this instance.
    package func contains(_ digest: Digest) throws -> Bool {
        try size(of: digest) != nil
    }

    /// Those of `digests` that are not here, in their order, each once.
    package func missing(of digests: some Sequence<Digest>) throws -> [Digest] {
        var seen: Set<Digest> = []
        return try digests.filter { try seen.insert($0).inserted && !contains($0) }
    }

    /// The object's length in bytes; `nil` where it is not here.
    package func size(of digest: Digest) throws -> Int64? {
        try forPeople {
            try onceInEachPlace(digest) { place, name, shown throws(SystemError) in
                try place.status(of: name, shownAs: shown)?.size
            }
        }
    }

    /// The whole object, held against its name.
    ///
    /// - Parameter limit: the most bytes that the caller is ready to hold.
    /// - Throws: ``ShuntError`` `.notFound` where it is not here or is damaged, `.refused` where it
    ///   is larger.
    package func readBytes(of digest: Digest, limit: Int) throws -> [UInt8] {
        let object = try openForReading(digest)
        guard object.size <= limit else {
            throw ShuntError(
                .refused,
                "object `\(digest.short)` has \(object.size) bytes, over the limit of \(limit)",
                hint: "shunt ps -a")
        }
        let bytes = try object.bytes(at: 0, count: Int(object.size))
        guard ContentHasher.digest(of: bytes) == digest else {
            throw try setAsideIfDamaged(digest, object)
        }
        return bytes
    }

    /// Opens the object.
    ///
    /// - Throws: ``ShuntError`` `.notFound` where it is not here.
    package func openForReading(_ digest: Digest) throws -> StoredObject {
        try forPeople {
            // Two steps, since a value without copies does not pass through a generic closure.
            let number = try onceInEachPlace(digest) {
                (place, name, shown) throws(SystemError) -> Int32? in
                do throws(SystemError) {
                    return try place.open(name, O_RDONLY, shownAs: shown).release()
                } catch {
                    guard error.code == ENOENT else { throw error }
                    return nil
                }
            }
            guard let number else { throw notHere(digest) }
            let descriptor = Descriptor(adopting: number)
            let status = try descriptor.status(shownAs: self.objectPath(digest))
            return StoredObject(
                descriptor: descriptor, status: status, shown: objectPath(digest))
        }
    }

    /// Looks among the objects, then among what this instance has yet to flush, then among the
    /// objects again: a flush may have moved it in between.
    private func onceInEachPlace<Result>(
        _ digest: Digest,
        _ look: (borrowing Descriptor, [UInt8], RawPath) throws(SystemError) -> Result?
    ) throws(SystemError) -> Result? {
        let name = Self.objectName(digest)
        if let found = try look(objects, name, objectPath(digest)) { return found }
        guard let number = state.withLock({ $0.pending[digest] }) else { return nil }
        if let found = try session.look(number, look) { return found }
        return try look(objects, name, objectPath(digest))
    }

    /// `ab/cdef…`, relative to the folder of objects.
    static func objectName(_ digest: Digest) -> [UInt8] {
        let digits: StaticString = "0123456789abcdef"
        return [UInt8](unsafeUninitializedCapacity: 2 * Digest.byteCount + 1) { buffer, count in
            for byte in digest.bytes {
                if count == 2 {
                    buffer[count] = UInt8(ascii: "/")
                    count += 1
                }
                buffer[count] = digits.utf8Start[Int(byte >> 4)]
                buffer[count + 1] = digits.utf8Start[Int(byte & 15)]
                count += 2
            }
        }
    }

    func objectPath(_ digest: Digest) -> RawPath {
        directory.appending("objects").appending(Self.objectName(digest))
    }
}
