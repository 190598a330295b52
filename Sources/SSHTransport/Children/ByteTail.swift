internal import Synchronization

/// The last of what somebody says, of bounded size.
final class ByteTail: Sendable {
    private let limit: Int
    private let kept = Mutex<[UInt8]>([])

    init(limit: Int) { self.limit = limit }

    var bytes: [UInt8] { kept.withLock { Array($0.suffix(limit)) } }

    func append(_ bytes: some Collection<UInt8>) {
        kept.withLock { kept in
            kept += bytes.suffix(limit)
            // Cut now and then, not with every byte.
            if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
        }
    }
}
