internal import ByteStream
internal import CLinux
internal import Glibc

/// Sockets of TCP on loopback.
enum LoopbackSocket {
    static func stream(nonBlocking: Bool = false) throws -> OwnedDescriptor {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        return OwnedDescriptor(
            adopting: try LabError.check("socket") {
                socket(AF_INET, Int32(SOCK_STREAM.rawValue) | flags, 0)
            })
    }

    /// Binds a socket and says where: port 0 is a free one of the kernel's choice.
    ///
    /// A port that the kernel chose is lost when the socket stops to listen, one that was asked for
    /// is not: so a free one is found with another socket, and asked for while that holds it.
    static func bind(_ socket: borrowing OwnedDescriptor, to endpoint: Endpoint) throws -> Endpoint
    {
        guard endpoint.port == 0 else {
            try bindOnce(socket.raw, to: endpoint)
            return endpoint
        }
        let finder = try stream()
        try bindOnce(finder.raw, to: endpoint)
        let found = Endpoint(address: endpoint.address, port: try port(of: finder.raw))
        try bindOnce(socket.raw, to: found)
        return found
    }

    private static func bindOnce(_ descriptor: Int32, to endpoint: Endpoint) throws {
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        try LabError.check("bind \(endpoint)") {
            withAddress(of: endpoint) { Glibc.bind(descriptor, $0, $1) }
        }
    }

    private static func port(of descriptor: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try LabError.check("getsockname") {
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(descriptor, $0, &length)
                }
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Connects and returns zero or an errno: EINPROGRESS is normal for a socket that does not
    /// block.
    static func connect(_ descriptor: Int32, to endpoint: Endpoint) -> Int32 {
        while true {
            let code = withAddress(of: endpoint) { Glibc.connect(descriptor, $0, $1) }
            if code == 0 { return 0 }
            if errno != EINTR { return errno }
        }
    }

    /// What has become of a connection in progress: zero once it is there, EINPROGRESS until then,
    /// or the errno with which it failed.
    static func connectionState(_ descriptor: Int32) -> Int32 {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&polled, 1, 0) == 1 else { return EINPROGRESS }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    /// Sets an option that takes an `int`, as far as the kernel lets us: the lab works without any
    /// of those that it sets, slower or less exactly.
    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Makes the other side see a reset instead of an end when the socket is closed.
    static func resetOnClose(_ descriptor: Int32) {
        var setting = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
    }

    /// A port that was free a moment ago.
    static func freePort(on address: String) throws -> UInt16 {
        let socket = try stream()
        return try bind(socket, to: Endpoint(address: address, port: 0)).port
    }

    private static func withAddress<Result>(
        of endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = inet_addr(endpoint.address)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
