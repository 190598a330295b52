internal import CLinux
internal import Glibc

/// Unix sockets by path: making one to listen on, connecting to one, and who is at the other end.
///
/// A socket's file mode is what keeps other accounts out, on top of its directory's: the caller
/// verifies that the directory is its own and 0700 before it trusts what it finds there.
package enum UnixSocket {
    /// Who connected, as the kernel recorded it then.
    package struct Peer: Hashable, Sendable {
        package var processID: Int32
        package var userID: UInt32
        package var groupID: UInt32
    }

    /// Connects without waiting.
    ///
    /// - Returns: a non-blocking descriptor.
    /// - Throws: ``StreamError``: `ENOENT` and `ECONNREFUSED` where nobody listens, `EAGAIN` where
    ///   the listener's line is full (try again), `ENAMETOOLONG` above 107 bytes of path.
    package static func connect(path: String) throws(StreamError) -> OwnedDescriptor {
        let operation = "connect to `\(path)`"
        let descriptor = try make(operation)
        try withAddress(of: path, operation) { address, length in
            Glibc.connect(descriptor.raw, address, length)
        }
        return descriptor
    }

    /// Makes a listening socket at `path`, which only this account can connect to (0600) from the
    /// moment that it exists.
    ///
    /// Whoever calls it holds the lock that says that no other process listens there, and has
    /// removed what a dead one left with ``removeSocket(path:)``.
    ///
    /// - Throws: ``StreamError``: `EADDRINUSE` where the path exists, `ENAMETOOLONG` above 107
    ///   bytes of path.
    package static func listen(path: String) throws(StreamError) -> OwnedDescriptor {
        let operation = "listen on `\(path)`"
        let descriptor = try make(operation)
        // The file gets the mode of the socket's own inode, less the umask: setting that before
        // the file is made leaves no moment at which others could connect.
        try systemCall(operation) { fchmod(descriptor.raw, 0o600) }
        try withAddress(of: path, operation) { address, length in
            bind(descriptor.raw, address, length)
        }
        try systemCall(operation) { Glibc.listen(descriptor.raw, StreamLimits.backlog) }
        return descriptor
    }

    /// Takes the next connection from a listener's line, without waiting.
    ///
    /// - Returns: `nil` if there is none.
    package static func accept(
        from listener: borrowing OwnedDescriptor
    ) throws(StreamError) -> OwnedDescriptor? {
        while true {
            let raw = listener.raw
            switch attempt("accept", { shunt_accept(raw) }) {
            case .success(let descriptor): return OwnedDescriptor(adopting: descriptor)
            case .failure(let error) where error.errno == EAGAIN: return nil
            // It went away while it stood in the line.
            case .failure(let error) where error.errno == ECONNABORTED: continue
            case .failure(let error): throw error
            }
        }
    }

    /// Hands two sockets connected to each other, non-blocking, to `body`, which owns them.
    package static func withPair<Result, Failure: Error>(
        _ body: (consuming OwnedDescriptor, consuming OwnedDescriptor) throws(Failure) -> Result
    ) throws -> Result {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") { socketpair(AF_UNIX, Self.type, 0, &ends) }
        return try body(OwnedDescriptor(adopting: ends[0]), OwnedDescriptor(adopting: ends[1]))
    }

    /// Removes a socket's file. Whatever else stands at that path is left alone.
    ///
    /// - Returns: whether there was one.
    /// - Throws: ``StreamError`` with `EEXIST` if it is not a socket.
    @discardableResult
    package static func removeSocket(path: String) throws(StreamError) -> Bool {
        let operation = "remove the socket `\(path)`"
        var status = stat()
        switch attempt(operation, { lstat(path, &status) }) {
        case .failure(let error) where error.errno == ENOENT: return false
        case .failure(let error): throw error
        case .success: break
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StreamError(operation: operation, errno: EEXIST)
        }
        try systemCall(operation) { unlink(path) }
        return true
    }

    /// Who is at the other end of a connected socket.
    package static func peer(
        of descriptor: borrowing OwnedDescriptor
    ) throws(StreamError) -> Peer {
        var peer = shunt_peer()
        let raw = descriptor.raw
        try systemCall("SO_PEERCRED") { shunt_peer_of(raw, &peer) }
        return Peer(processID: peer.pid, userID: peer.uid, groupID: peer.gid)
    }

    /// Refuses a peer of another account; root's as well, unless this is root.
    ///
    /// - Throws: ``StreamError`` with `EACCES`.
    package static func requireSameUser(
        _ descriptor: borrowing OwnedDescriptor
    ) throws(StreamError) {
        let peer = try peer(of: descriptor)
        guard peer.userID == geteuid() else {
            throw StreamError(
                operation: "accept a connection of user \(peer.userID)", errno: EACCES)
        }
    }

    private static let type =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

    private static func make(_ operation: String) throws(StreamError) -> OwnedDescriptor {
        OwnedDescriptor(adopting: try systemCall(operation) { socket(AF_UNIX, Self.type, 0) })
    }

    private static func withAddress(
        of path: String, _ operation: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(StreamError) {
        let bytes = Array(path.utf8)
        guard bytes.count <= StreamLimits.socketPath else {
            throw StreamError(
                operation: "\(operation), \(bytes.count) bytes of at most "
                    + "\(StreamLimits.socketPath)",
                errno: ENAMETOOLONG)
        }
        // An empty path or one with a NUL in front would name an abstract socket, which has no
        // mode and so no protection.
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw StreamError(operation: operation, errno: EINVAL)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                attempt(operation) { body(address, length) }
            }
        }
        _ = try result.get()
    }
}
