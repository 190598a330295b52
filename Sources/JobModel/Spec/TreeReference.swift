/// An immutable tree of files, named twice over: what it contains, and when its files were last
/// modified. Two trees with equal `content` are the same inputs to a job; `metadata` only restores
/// modification times at checkout and never decides anything.
package struct TreeReference: Hashable, Sendable, Codable {
    /// Digest of the root directory object.
    package var content: Digest
    /// Digest of the metadata object that belongs to it.
    package var metadata: Digest

    package init(content: Digest, metadata: Digest) {
        self.content = content
        self.metadata = metadata
    }
}
