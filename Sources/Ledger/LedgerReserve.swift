internal import Glibc
internal import Synchronization

/// Space on the ledger's disk that nobody else gets: a file of real blocks beside the ledger, of
/// which a piece is given up when a commit finds the disk full. A full home can thus be left by the
/// commands that make room in it, since `cancel` is a commit too; new jobs are refused meanwhile.
///
/// It is made good again as soon as there is twice the space. Its loss costs nothing but this.
final class LedgerReserve: Sendable {
    private let path: String
    private let size: Mutex<Int64>

    /// Bytes.
    static let whole: Int64 = 1 << 20
    /// A commit of hundreds of jobs, with the pages of the log that it takes.
    static let piece: Int64 = 128 << 10

    init(path: String) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        let size = descriptor < 0 ? 0 : max(0, Int64(lseek(descriptor, 0, SEEK_END)))
        self.size = Mutex(size)
        if descriptor >= 0 { _ = close(descriptor) }
    }

    /// Frees a piece.
    ///
    /// - Returns: `false` where nothing is left.
    func giveUpPiece() -> Bool {
        size.withLock { size in
            let smaller = max(0, size - Self.piece)
            guard size > 0, truncate(path, off_t(smaller)) == 0 else { return false }
            size = smaller
            return true
        }
    }

    /// Takes back what was given up, where the disk has room to spare.
    func makeGood() {
        size.withLock { size in
            if size == Self.whole { return }
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return }
            defer { _ = close(descriptor) }
            let hasRoom = posix_fallocate(descriptor, 0, off_t(2 * Self.whole)) == 0
            let kept = hasRoom ? Self.whole : min(size, Self.whole)
            if ftruncate(descriptor, off_t(kept)) == 0 { size = kept }
        }
    }

    /// Whether the disk has so much left that new jobs may come. Where it cannot be told, they may.
    func hasRoom() -> Bool {
        var status = statvfs()
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        guard statvfs(folder.isEmpty ? "/" : String(folder), &status) == 0 else { return true }
        return Int64(clamping: status.f_bavail) * Int64(clamping: status.f_frsize) >= Self.piece
    }
}
