internal import ByteStream
internal import CLibSSH
internal import CLinux
internal import Glibc

/// Opens the TCP connection: every address of the name in its order, one deadline over all.
enum TCPConnector {
    /// - Throws: ``SSHError`` of the last address that was tried.
    static func connect(
        _ configuration: SSHConfiguration, _ patience: Patience
    ) throws(SSHError) -> OwnedDescriptor {
        let family: Int32 =
            switch configuration.addressFamily {
            case .any: AF_UNSPEC
            case .inet: AF_INET
            case .inet6: AF_INET6
            }
        let addresses = try NameResolver.addresses(
            of: configuration.hostName, port: configuration.port, family: family, patience)
        var last = SSHError(.unreachable, "`\(configuration.hostName)` has no address to try")
        for (index, address) in addresses.enumerated() {
            do {
                // What is left is shared, so that a first address that drops everything does not
                // keep the others from their try.
                let left = patience.deadline - .now
                let share = index == addresses.count - 1 ? left : left / 2
                return try connect(
                    address, configuration, patience.until(.now + max(share, .zero)))
            } catch {
                if patience.isStopped { throw error }
                last = error
            }
        }
        throw last
    }

    private static func connect(
        _ address: SocketAddress, _ configuration: SSHConfiguration, _ patience: Patience
    ) throws(SSHError) -> OwnedDescriptor {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = socket(address.family, type | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard raw >= 0 else { throw .ofSystem("socket", errno) }
        let descriptor = OwnedDescriptor(adopting: raw)
        if let source = configuration.bindAddress {
            try bindTo(source, raw, address.family, patience)
        }
        var one: Int32 = 1
        // What cannot be set only costs time.
        _ = setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
        _ = setsockopt(raw, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(4))
        let result = address.withPointer { Glibc.connect(raw, $0, $1) }
        if result == 0 { return descriptor }
        guard errno == EINPROGRESS else { throw failure(errno, configuration) }
        switch patience.wait(for: raw, POLLOUT) {
        case .ready: break
        case .stopped: throw .stopped
        case .timedOut: throw failure(ETIMEDOUT, configuration)
        }
        var code: Int32 = 0
        var length = socklen_t(4)
        guard getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0 else {
            throw failure(code, configuration)
        }
        return descriptor
    }

    private static func bindTo(
        _ source: String, _ raw: Int32, _ family: Int32, _ patience: Patience
    ) throws(SSHError) {
        let addresses = try NameResolver.addresses(
            of: source, port: 0, family: family, patience)
        guard let address = addresses.first,
            address.withPointer({ bind(raw, $0, $1) }) == 0
        else {
            throw SSHError(
                .configuration,
                "BindAddress: \(StreamError(operation: "bind to `\(source)`", errno: errno))",
                hint: "ip address")
        }
    }

    private static func failure(_ code: Int32, _ configuration: SSHConfiguration) -> SSHError {
        let name = "`\(configuration.hostName)`"
        let port = "port \(configuration.port)"
        let look = "ssh \(configuration.byHand)"
        switch code {
        case ECONNREFUSED:
            return SSHError(
                .refusedConnection, "\(name) refuses connections to \(port): no sshd listens there",
                hint: look)
        case ETIMEDOUT:
            return SSHError(
                .timedOut,
                "\(name) does not answer on \(port): it is off, or a firewall drops what is sent",
                hint: look)
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL, EACCES, EPERM:
            return SSHError(
                .unreachable,
                "\(StreamError(operation: "connect to \(name), \(port)", errno: code))",
                hint: "ip route get \(SSHError.quoted(configuration.hostName))")
        default:
            return SSHError(
                .refusedConnection,
                "\(StreamError(operation: "connect to \(name), \(port)", errno: code))", hint: look)
        }
    }
}
