package import ContentStore
package import JobModel

/// Where the sender of a transfer reads objects: its store, and files that were too large to be
/// copied into it and stay where they are.
///
/// What is sent from a referenced file that has changed is never sent to its end, so that no
/// receiver takes it for the object.
package struct ObjectSource: Sendable {
    package let store: ObjectStore
    private let references: [Digest: FileReference]

    package init(store: ObjectStore, references: [FileReference] = []) {
        self.store = store
        self.references = Dictionary(references.map { ($0.digest, $0) }) { first, _ in first }
    }

    /// Opens an object for reading from its start to its end. Blocks, as reading does.
    ///
    /// - Throws: ``ShuntError`` that names the file, where one is gone or has another size.
    func open(_ file: TreeObjects.File) throws -> any ObjectReader {
        // The store's own copy cannot change; a reference is the second choice.
        if let reference = references[file.digest], try store.size(of: file.digest) == nil {
            return try ReferenceReader(reference, size: file.size)
        }
        return try ObjectReading(file.digest, size: file.size, in: store)
    }
}

/// Reads one object in order, on behalf of one caller at a time. Blocks.
protocol ObjectReader: AnyObject {
    /// The next bytes, as many as asked for.
    ///
    /// - Parameter count: at most what is left.
    func next(_ count: Int) throws -> [UInt8]
    /// Passes over bytes that the receiver has.
    func skip(_ count: Int64) throws
}

extension ObjectReading: ObjectReader {}
