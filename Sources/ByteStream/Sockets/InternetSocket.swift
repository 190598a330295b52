internal import CLinux
internal import Glibc

/// TCP by numbers alone: a static executable cannot resolve names.
package enum InternetSocket {
    /// A socket that listens on every address of the machine.
    package struct Listener: ~Copyable {
        /// Non-blocking.
        package let socket: OwnedDescriptor
        package let port: UInt16

        /// Gives the descriptor to a caller that closes it itself.
        package consuming func release() -> Int32 { socket.release() }
    }

    /// Listens on a port that the kernel chooses.
    ///
    /// - Throws: ``StreamError``: `EMFILE`, or `EADDRINUSE` where every port is taken.
    package static func listen() throws(StreamError) -> Listener {
        do throws(StreamError) {
            return try listen(Int32(AF_INET6))
        } catch {
            // A kernel without version 6.
            return try listen(Int32(AF_INET))
        }
    }

    private static func listen(_ family: Int32) throws(StreamError) -> Listener {
        let socket = try make(family)
        let raw = socket.raw
        if family == AF_INET6 {
            var off: Int32 = 0
            try systemCall("setsockopt") {
                setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4)
            }
        }
        var address = Address(any: family)
        try systemCall("bind") {
            address.withPointer { bind(raw, $0, $1) }
        }
        try systemCall("listen") { Glibc.listen(raw, 128) }
        let port = try address.port(of: raw)
        return Listener(socket: socket, port: port)
    }

    /// Begins to connect, without waiting.
    ///
    /// - Parameter address: an IP address of either version, without a zone.
    /// - Returns: a non-blocking descriptor; it is writable once that has succeeded or failed.
    /// - Throws: ``StreamError``: `ENETUNREACH` and the like where that is known at once, `EINVAL`
    ///   for what is no address.
    package static func connect(_ address: String, port: UInt16) throws(StreamError)
        -> OwnedDescriptor
    {
        guard var target = Address(address, port: port) else {
            throw StreamError(operation: "connect to `\(address)`", errno: EINVAL)
        }
        let socket = try make(target.family)
        let raw = socket.raw
        guard target.withPointer({ Glibc.connect(raw, $0, $1) }) != 0, errno != EINPROGRESS else {
            return socket
        }
        throw StreamError(operation: "connect to `\(address)`", errno: errno)
    }

    private static func make(_ family: Int32) throws(StreamError) -> OwnedDescriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return OwnedDescriptor(
            adopting: try systemCall("socket") { socket(family, type, 0) })
    }

    /// A `sockaddr` of either version.
    private struct Address {
        private var storage = sockaddr_storage()
        private let length: socklen_t

        var family: Int32 { Int32(storage.ss_family) }

        init(any family: Int32) {
            storage.ss_family = sa_family_t(family)
            length = Self.length(of: family)
        }

        init?(_ text: String, port: UInt16) {
            let isSix = text.utf8.contains(UInt8(ascii: ":"))
            self.init(any: isSix ? Int32(AF_INET6) : Int32(AF_INET))
            let isRead = withUnsafeMutableBytes(of: &storage) { bytes -> Bool in
                guard let start = bytes.baseAddress else { return false }
                if isSix {
                    let six = start.assumingMemoryBound(to: sockaddr_in6.self)
                    six.pointee.sin6_port = port.bigEndian
                    return inet_pton(Int32(AF_INET6), text, &six.pointee.sin6_addr) == 1
                }
                let four = start.assumingMemoryBound(to: sockaddr_in.self)
                four.pointee.sin_port = port.bigEndian
                return inet_pton(Int32(AF_INET), text, &four.pointee.sin_addr) == 1
            }
            guard isRead else { return nil }
        }

        private static func length(of family: Int32) -> socklen_t {
            socklen_t(
                family == AF_INET6
                    ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        }

        mutating func withPointer(
            _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
        ) -> Int32 {
            withUnsafeBytes(of: &storage) { bytes in
                guard let start = bytes.baseAddress else { return -1 }
                return body(start.assumingMemoryBound(to: sockaddr.self), length)
            }
        }

        /// What the kernel has bound a socket to. The port is at one place in both versions.
        mutating func port(of socket: Int32) throws(StreamError) -> UInt16 {
            var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
            try systemCall("getsockname") {
                withUnsafeMutableBytes(of: &storage) { bytes -> Int32 in
                    guard let start = bytes.baseAddress else { return -1 }
                    return getsockname(
                        socket, start.assumingMemoryBound(to: sockaddr.self), &size)
                }
            }
            return withUnsafeBytes(of: storage) {
                UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))
            }
        }
    }
}
