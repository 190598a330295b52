/// An environment that a worker has built, as `GET /v1/workers/NAME/environments` lists it.
package struct EnvironmentView: Hashable, Sendable, Codable {
    /// Its Python, platform, and the beginning of the digest of what it is built from.
    package var key: String
    package var size: ByteCount
    package var usedAt: WallTime
    /// A task that is not over runs in it, or is about to.
    package var isInUse: Bool

    package init(key: String, size: ByteCount, usedAt: WallTime, isInUse: Bool) {
        self.key = key
        self.size = size
        self.usedAt = usedAt
        self.isInUse = isInUse
    }

    enum CodingKeys: String, CodingKey {
        case key
        case size = "size_bytes"
        case usedAt = "used_at"
        case isInUse = "in_use"
    }
}

/// What can be asked about the environments of a worker; all are answered by a list.
package enum EnvironmentRequest: Hashable, Sendable {
    /// All of them, the one that was used last first.
    case list
    /// Removes one, unless it is in use, and lists it.
    case remove(key: String)
}
