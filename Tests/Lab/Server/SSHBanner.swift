internal import ByteStream
internal import CLinux
internal import Glibc

/// The first thing that a server of SSH says (RFC 4253, section 4.2).
enum SSHBanner {
    /// Whether a server accepts now and says it; blocks its thread, for a second at most.
    static func isSent(by endpoint: Endpoint) -> Bool {
        // Whatever fails here, the server does not answer.
        guard let socket = try? LoopbackSocket.stream(),
            LoopbackSocket.connect(socket.raw, to: endpoint) == 0
        else { return false }
        var polled = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, 1_000) == 1 else { return false }
        var start = [UInt8](repeating: 0, count: 4)
        return recv(socket.raw, &start, 4, 0) == 4 && start == Array("SSH-".utf8)
    }
}
