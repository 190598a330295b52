internal import CLinux
internal import Glibc
internal import Synchronization

/// A directory beneath which paths of a tree are opened, and never anything outside it: no `..`,
/// no symlink on the way, whatever somebody puts there meanwhile. With `openat2` the kernel sees to
/// it in one call; before Linux 5.6 each directory of the path is opened by itself.
struct RootDirectory: ~Copyable, Sendable {
    let descriptor: Descriptor
    /// How the directory is called in errors.
    let shown: RawPath
    private let method: Method

    enum Method: Sendable {
        case openat2
        case stepwise
    }

    /// Paths are handed to the kernel in pieces of at most this many bytes (PATH_MAX is 4,096 with
    /// the NUL), so that depth is limited by ``longestPath`` alone.
    private static let pieceLimit = 4000
    /// The longest path beneath a root, in bytes; about 8,000 levels at least.
    static let longestPath = 16 << 10

    init(
        _ descriptor: consuming Descriptor, shown: RawPath, method: Method = Self.supportedMethod()
    ) {
        self.descriptor = descriptor
        self.shown = shown
        self.method = method
    }

    /// Opens a directory of the tree for reading; ``RawPath/root`` is this directory itself.
    ///
    /// - Throws: ``SystemError`` with `ELOOP` or `ENOTDIR` where a symlink or file is in the way.
    func openDirectory(_ path: RawPath) throws(SystemError) -> Descriptor {
        let shown = self.shown
        guard path.bytes.count <= Self.longestPath else {
            throw SystemError(operation: "open", path: shown, code: ENAMETOOLONG)
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        if path.isEmpty {
            return try descriptor.open([UInt8(ascii: ".")], flags, shownAs: shown)
        }
        var current: Descriptor?
        var start = 0
        while start < path.bytes.count {
            let end = endOfPiece(of: path.bytes, from: start)
            let parent = current?.number ?? descriptor.number
            let number = try withTerminated(path.bytes[start..<end]) { text throws(SystemError) in
                try checked("open", shown.appending(path.bytes)) {
                    method == .openat2
                        ? Self.openBeneath(parent, text, flags)
                        : Glibc.openat(parent, text, flags)
                }
            }
            current = Descriptor(adopting: number)
            start = end + 1
        }
        // A path that is not empty has at least one piece.
        return current.take()!
    }

    /// Where the next part of a path ends that the kernel takes at once: as many names as fit, or a
    /// single one where links on the way can only be refused name by name.
    private func endOfPiece(of path: [UInt8], from start: Int) -> Int {
        let slash = UInt8(ascii: "/")
        if method == .stepwise { return path[start...].firstIndex(of: slash) ?? path.count }
        guard path.count - start > Self.pieceLimit else { return path.count }
        // A name has at most 255 bytes, so a slash stands before the limit.
        return path[start..<(start + Self.pieceLimit)].lastIndex(of: slash) ?? path.count
    }

    /// A rename elsewhere on the machine may make the kernel unsure, which it says with EAGAIN.
    private static func openBeneath(
        _ parent: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32
    ) -> Int32 {
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
        var number: Int32 = -1
        for _ in 0..<64 {
            number = shunt_openat2(parent, path, UInt64(flags), 0, resolve)
            if number >= 0 || errno != EAGAIN { break }
        }
        return number
    }

    private static let probed = Atomic<Int8>(0)

    /// Asks the kernel once.
    static func supportedMethod() -> Method {
        switch probed.load(ordering: .relaxed) {
        case 1: return .openat2
        case 2: return .stepwise
        default: break
        }
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        let number = ".".withCString { openBeneath(AT_FDCWD, $0, flags) }
        // Containers may forbid the call with EPERM instead of leaving it out.
        let isThere = number >= 0 || (errno != ENOSYS && errno != EPERM)
        if number >= 0 { close(number) }
        probed.store(isThere ? 1 : 2, ordering: .relaxed)
        return isThere ? .openat2 : .stepwise
    }
}
