internal import Glibc

/// Whether the file of a socket is still the one that it was when this was made: anybody may remove
/// it or put another in its place, and whoever listens on it hears nothing of that.
package struct SocketWatch: Sendable {
    private let path: String
    private let inode: UInt64?

    /// - Parameter path: of a socket that is bound.
    package init(_ path: String) {
        self.path = path
        inode = Self.inode(path)
    }

    /// A look at the file system.
    package var isInPlace: Bool { inode != nil && Self.inode(path) == inode }

    private static func inode(_ path: String) -> UInt64? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
