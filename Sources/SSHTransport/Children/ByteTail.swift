internal import ByteStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The last of what somebody says, of bounded size.
final class ByteTail: Sendable {
    private let limit: Int
    private let kept = Mutex<[UInt8]>([])
    /// All was said; never, where a child's child holds the socket open.
    let finished = Promise<Bool>()

    init(limit: Int) { self.limit = limit }

    var bytes: [UInt8] { kept.withLock { Array($0.suffix(limit)) } }

    func append(_ bytes: some Collection<UInt8>) {
        kept.withLock { kept in
            kept += bytes.suffix(limit)
            // Cut now and then, not with every byte.
            if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
        }
    }

    /// Keeps what comes from a socket until its end, on a thread of its own.
    func listen(to descriptor: consuming OwnedDescriptor, name: String) throws(StreamError) {
        let raw = descriptor.release()
        do {
            try NativeThread.start(name: name) { [self] in
                read(OwnedDescriptor(adopting: raw))
                finished.fulfil(true)
            }
        } catch {
            _ = Glibc.close(raw)
            throw error
        }
    }

    private func read(_ descriptor: consuming OwnedDescriptor) {
        var buffer = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let count = Glibc.read(descriptor.raw, &buffer, buffer.count)
            if count > 0 {
                append(buffer.prefix(count))
            } else if count < 0, errno == EAGAIN {
                var one = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
                poll(&one, 1, -1)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
