internal import ByteStream
internal import Glibc

/// A Unix socket that takes connections and requests and never answers: an `ssh-agent` that waits
/// for a touch of its hardware key, or has hung. It lives as long as this value.
package final class HangingKeyAgent: Sendable {
    /// For `SSH_AUTH_SOCK`.
    package let socket: String
    /// Nobody accepts: the kernel takes connections and what they send by itself.
    private let listener: OwnedDescriptor

    /// - Parameter socket: a path of at most 107 bytes, where nothing is yet.
    /// - Throws: ``LabError``.
    package init(socket path: String) throws {
        socket = path
        listener = OwnedDescriptor(
            adopting: try LabError.check("socket") {
                Glibc.socket(
                    AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw LabError("the path \(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = listener.raw
        try LabError.check("bind \(path)") {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        try LabError.check("listen \(path)") { listen(descriptor, 128) }
    }

    deinit { unlink(socket) }
}
