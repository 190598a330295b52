internal import Glibc
package import JobModel
internal import Synchronization

/// Receives one object in pieces, from the wire: the digest and the size are promised beforehand
/// and verified at the end. Until ``commit()`` nothing of it is visible, and without it nothing
/// stays.
///
/// Pieces come from one caller at a time; a call after the end throws.
package final class ObjectWriter: Sendable {
    package let digest: Digest
    package let size: Int64
    private let store: ObjectStore
    private let file: ObjectStore.NewFile
    private let state = Mutex(Progress())

    private struct Progress {
        var hasher = ContentHasher()
        var received: Int64 = 0
        var isOver = false
    }

    fileprivate init(_ store: ObjectStore, digest: Digest, size: Int64) throws {
        self.store = store
        self.digest = digest
        self.size = size
        file = try store.newFile()
    }

    deinit { abort() }

    /// How many bytes have come.
    package var received: Int64 { state.withLock { $0.received } }

    /// Takes the next bytes.
    ///
    /// - Throws: ``ShuntError`` for more bytes than promised or a full disk; the object is then
    ///   abandoned.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try state.withLock { progress in
                guard !progress.isOver else { throw Self.ended }
                guard progress.received + Int64(bytes.count) <= size else { throw mismatch }
                try forPeople { try file.descriptor.write(bytes, shownAs: store.directory) }
                progress.hasher.update(bytes)
                progress.received += Int64(bytes.count)
            }
        } catch {
            abort()
            throw error
        }
    }

    /// Writes the next bytes, whatever holds them.
    package func append(_ bytes: some Sequence<UInt8>) throws {
        let isContiguous: Void? = try bytes.withContiguousStorageIfAvailable {
            try append(UnsafeRawBufferPointer($0))
        }
        if isContiguous == nil { try Array(bytes).withUnsafeBytes { try append($0) } }
    }

    /// Verifies size and digest and adds the object to the store, where it waits for the next
    /// ``ObjectStore/flush()``.
    package func commit() throws {
        let isWhole = try state.withLock { progress in
            guard !progress.isOver else { throw Self.ended }
            progress.isOver = true
            return progress.received == size && progress.hasher.finish() == digest
        }
        guard isWhole else {
            store.session.remove(file.number)
            throw mismatch
        }
        do {
            try store.register(file.number, digest: digest, size: size)
        } catch {
            throw store.abandon(file.number, error)
        }
    }

    /// Drops what has come. Harmless after the end.
    package func abort() {
        let wasOver = state.withLock { progress in
            defer { progress.isOver = true }
            return progress.isOver
        }
        if wasOver { return }
        store.session.remove(file.number)
        // Gives the space back now: the descriptor stays open until this writer goes away. If it
        // fails, the space comes back then.
        _ = ftruncate(file.descriptor.number, 0)
    }

    private var mismatch: ShuntError {
        ShuntError(
            .failed, "the bytes that came for object `\(digest.short)` are not the ones it names",
            hint: "shunt ps -a")
    }

    private static let ended = ShuntError(
        .failed, "the object was already committed or dropped", hint: "shunt ps -a")
}

extension ObjectStore {
    /// Starts to receive an object.
    package func writer(for digest: Digest, size: Int64) throws -> ObjectWriter {
        try checkPoison()
        return try ObjectWriter(self, digest: digest, size: size)
    }
}
