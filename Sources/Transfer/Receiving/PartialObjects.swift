internal import ContentStore
internal import JobModel
internal import Synchronization

/// Large objects whose transfer was cut, kept for the next one to go on with: their bytes so far
/// stand in a file without a name, and go with the process.
///
/// Whoever takes one has it for itself. At most ``TransferLimits/partialObjects`` are kept, the
/// latest ones.
final class PartialObjects: Sendable {
    private let writers = Mutex<[ObjectWriter]>([])

    func keep(_ writer: ObjectWriter) {
        guard writer.received > 0 else { return writer.abort() }
        let dropped = writers.withLock { writers in
            var dropped = writers.filter { $0.digest == writer.digest }
            writers.removeAll { $0.digest == writer.digest }
            writers.append(writer)
            if writers.count > TransferLimits.partialObjects {
                dropped.append(writers.removeFirst())
            }
            return dropped
        }
        for writer in dropped { writer.abort() }
    }

    func take(_ file: TreeObjects.File) -> ObjectWriter? {
        writers.withLock { writers in
            guard
                let index = writers.firstIndex(where: {
                    $0.digest == file.digest && $0.size == file.size
                })
            else { return nil }
            return writers.remove(at: index)
        }
    }
}
