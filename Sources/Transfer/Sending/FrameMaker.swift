internal import ContentStore
internal import JobModel
internal import Synchronization
internal import Wire

/// Turns a list of objects into frames, one at a time: small objects packed together, larger ones
/// in parts. Blocks; called by one caller at a time.
final class FrameMaker: Sendable {
    /// A frame, and what of the content has gone with it.
    struct Made: Sendable {
        var message: BulkMessage
        /// Bytes before compression.
        var bytes: Int
        /// Objects that end in it.
        var objects: Int
    }

    private let source: ObjectSource
    private let objects: [TreeObjects.File]
    private let compresses: Bool
    /// How much the receiver has of objects that go in parts.
    private let offsets: [Digest: Int64]
    private let state = Mutex(State())

    private struct State {
        var next = 0
        /// Of the object at `next`, if it is in the middle of its parts.
        var reader: (any ObjectReader)?
        var offset: Int64 = 0
    }

    /// - Parameter partials: below the sizes of their objects.
    init(
        _ objects: [TreeObjects.File], partials: [PartialObject] = [], from source: ObjectSource,
        compresses: Bool
    ) {
        offsets = Dictionary(partials.map { ($0.digest, $0.offset) }) { first, _ in first }
        self.objects = objects
        self.source = source
        self.compresses = compresses
    }

    /// - Returns: `nil` after the last one.
    func next() throws -> Made? {
        try state.withLock { state in
            guard state.next < objects.count else { return nil }
            return objects[state.next].size > TransferLimits.packedObject
                ? try part(&state) : try batch(&state)
        }
    }

    private func batch(_ state: inout State) throws -> Made {
        var items: [ObjectBatch.Item] = []
        var bytes: [UInt8] = []
        while state.next < objects.count, items.count < WireLimits.objectsPerFrame {
            let object = objects[state.next]
            guard object.size <= TransferLimits.packedObject,
                bytes.count + Int(object.size) <= WireLimits.body
            else { break }
            bytes += try source.open(object).next(Int(object.size))
            items.append(ObjectBatch.Item(digest: object.digest, size: Int(object.size)))
            state.next += 1
        }
        let body = BodyCodec.encode(bytes, compressing: compresses)
        return Made(
            message: .objects(ObjectBatch(items: items, body: body)), bytes: bytes.count,
            objects: items.count)
    }

    private func begin(
        _ object: TreeObjects.File, _ state: inout State
    ) throws -> any ObjectReader {
        let reader = try source.open(object)
        if let offset = offsets[object.digest] {
            try reader.skip(offset)
            state.offset = offset
        }
        return reader
    }

    private func part(_ state: inout State) throws -> Made {
        let object = objects[state.next]
        let reader = try state.reader ?? begin(object, &state)
        let count = Int(min(Int64(WireLimits.body), object.size - state.offset))
        let bytes = try reader.next(count)
        let part = ObjectPart(
            digest: object.digest, objectSize: object.size, offset: state.offset, size: count,
            body: BodyCodec.encode(bytes, compressing: compresses))
        state.offset += Int64(count)
        state.reader = reader
        let isLast = state.offset == object.size
        if isLast {
            state.next += 1
            state.reader = nil
            state.offset = 0
        }
        return Made(message: .part(part), bytes: count, objects: isLast ? 1 : 0)
    }
}
