/// What a transfer cost.
package struct TransferReport: Hashable, Sendable {
    /// On the wire, framing included.
    package var bytesSent: Int64
    package var bytesReceived: Int64
    /// Objects that went from sender to receiver: files, directories, metadata.
    package var objectsSent: Int
    /// The receiver had everything before.
    package var wasComplete: Bool

    package init(
        bytesSent: Int64 = 0, bytesReceived: Int64 = 0, objectsSent: Int = 0,
        wasComplete: Bool = false
    ) {
        self.bytesSent = bytesSent
        self.bytesReceived = bytesReceived
        self.objectsSent = objectsSent
        self.wasComplete = wasComplete
    }
}

/// How far the content of a transfer has come.
package struct TransferProgress: Hashable, Sendable {
    /// Of ``totalBytes``, before compression.
    package var bytes: Int64
    package var totalBytes: Int64
    package var files: Int
    package var totalFiles: Int

    package init(bytes: Int64, totalBytes: Int64, files: Int, totalFiles: Int) {
        self.bytes = bytes
        self.totalBytes = totalBytes
        self.files = files
        self.totalFiles = totalFiles
    }
}

/// How a transfer is done and who hears of it.
package struct TransferOptions: Sendable {
    /// Whether bodies are compressed where that makes them smaller: for slow links, not for a
    /// socket on one machine.
    package var compresses: Bool
    /// Called for each frame of content, from any task; must not block.
    package var onProgress: @Sendable (TransferProgress) -> Void

    package init(
        compresses: Bool = false,
        onProgress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) {
        self.compresses = compresses
        self.onProgress = onProgress
    }
}
