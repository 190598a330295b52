internal import ByteStream
internal import CLinux
internal import Glibc

/// Two connected sockets: one for a child's standard streams, and our own, which does not block.
/// Both are closed on exec; a child gets its end as a copy.
struct SocketPair: ~Copyable {
    let ours: OwnedDescriptor
    let theirs: OwnedDescriptor

    init() throws(SSHError) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw SSHError.ofSystem("socketpair", errno)
        }
        ours = OwnedDescriptor(adopting: ends[0])
        theirs = OwnedDescriptor(adopting: ends[1])
        // Cannot fail on a socket that was just made.
        try? ours.setNonBlocking()
    }

    /// Closes the child's end, which the child now has alone.
    consuming func keepOurs() -> OwnedDescriptor { ours }

    /// Reads as empty.
    static func null() throws(SSHError) -> OwnedDescriptor {
        let raw = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard raw >= 0 else { throw SSHError.ofSystem("open `/dev/null`", errno) }
        return OwnedDescriptor(adopting: raw)
    }
}

extension SSHError {
    /// A system call failed that fails only where this machine is at its limits.
    static func ofSystem(_ operation: String, _ errno: Int32) -> SSHError {
        SSHError(
            .lost, "\(StreamError(operation: operation, errno: errno))", hint: "ulimit -a")
    }

    /// As ``ofSystem(_:_:)``.
    static func ofSystem(_ error: StreamError) -> SSHError {
        ofSystem(error.operation, error.errno)
    }

    /// Somebody called it off.
    static let stopped = SSHError(.lost, "the connection was given up", hint: nil)
}
