import CLinux
import Glibc
import Lab

/// One end of a TCP connection in a test's hand. Its calls block for ten seconds at most.
final class Peer: Sendable {
    private let descriptor: Int32

    init(adopting descriptor: Int32) {
        self.descriptor = descriptor
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    /// Connects, or throws the errno with which it failed.
    convenience init(connectingTo endpoint: Endpoint, within limit: Int32 = 10_000) throws {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | flags, 0)
        self.init(adopting: descriptor)
        var address = Peer.address(endpoint)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code != 0 {
            guard errno == EINPROGRESS else { throw Failure(code: errno) }
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&polled, 1, limit) == 1 else { throw Failure(code: ETIMEDOUT) }
            var pending: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &pending, &length)
            guard pending == 0 else { throw Failure(code: pending) }
        }
        _ = fcntl(descriptor, F_SETFL, O_RDWR)
    }

    struct Failure: Error, Equatable {
        var code: Int32
    }

    func send(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(code: errno) }
            done += count
        }
    }

    /// Sends until the other side takes no more for half a second.
    ///
    /// - Returns: how many bytes left.
    func sendUntilFull(atMost limit: Int) throws -> Int {
        let block = [UInt8](repeating: 7, count: 1 << 16)
        var done = 0
        while done < limit {
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&polled, 1, 500) == 1 else { break }
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let count = Glibc.send(descriptor, block, block.count, flags)
            if count < 0, errno == EAGAIN { continue }
            guard count > 0 else { throw Failure(code: errno) }
            done += count
        }
        return done
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Reads a number of bytes, fewer only at the end of the stream.
    func receive(_ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 1 << 18))
        while all.count < count {
            let some = recv(descriptor, &buffer, min(buffer.count, count - all.count), 0)
            if some < 0 { throw Failure(code: errno) }
            if some == 0 { return all }
            all += buffer[..<some]
        }
        return all
    }

    /// Reads until the end of the stream.
    func receiveAll() throws -> [UInt8] { try receive(1 << 30) }

    /// Whether a byte or the end comes within a time.
    func hasSomething(within milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, milliseconds) == 1
    }

    fileprivate static func address(_ endpoint: Endpoint) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = inet_addr(endpoint.address)
        return address
    }
}

/// A target of relays whose connections the test holds.
final class PeerListener {
    let endpoint: Endpoint
    private let descriptor: Int32

    init(address: String = "127.0.1.9") throws {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = socket(AF_INET, kind, 0)
        var bound = Peer.address(Endpoint(address: address, port: 0))
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &bound) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = listen(descriptor, 16)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        endpoint = Endpoint(address: address, port: UInt16(bigEndian: bound.sin_port))
    }

    deinit { close(descriptor) }

    func accept() throws -> Peer {
        guard hasArrival(within: 10_000) else { throw Peer.Failure(code: ETIMEDOUT) }
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw Peer.Failure(code: errno) }
        return Peer(adopting: accepted)
    }

    func hasArrival(within milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, milliseconds) == 1
    }
}
