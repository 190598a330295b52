internal import Glibc
internal import Synchronization

/// Space on the ledger's disk that nobody else gets: a file of real blocks beside the ledger, of
/// which a piece is given up when a commit finds the disk full. A full home can thus be left by the
/// commands that make room in it, since `cancel` is a commit too; new jobs are refused meanwhile.
///
/// It is made good again as soon as there is twice the space. Its loss costs nothing but this.
final class LedgerReserve: Sendable {
    private let path: String
    private let state: Mutex<State>

    private struct State {
        /// Bytes that are kept.
        var size: Int64
        /// Whether the disk had no room for all of it when that was last asked for.
        var lacksSpace = false
    }

    /// Bytes.
    static let whole: Int64 = 1 << 20
    /// A commit of hundreds of jobs, with the pages of the log that it takes.
    static let piece: Int64 = 128 << 10

    init(path: String) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        let size = descriptor < 0 ? 0 : max(0, Int64(lseek(descriptor, 0, SEEK_END)))
        state = Mutex(State(size: size))
        if descriptor >= 0 { _ = close(descriptor) }
    }

    /// Frees a piece.
    ///
    /// - Returns: `false` where nothing is left.
    func giveUpPiece() -> Bool {
        state.withLock { state in
            let smaller = max(0, state.size - Self.piece)
            guard state.size > 0, truncate(path, off_t(smaller)) == 0 else { return false }
            state.size = smaller
            return true
        }
    }

    /// Takes back what was given up, where the disk has room to spare.
    func makeGood() { state.withLock { Self.makeGood(&$0, path) } }

    private static func makeGood(_ state: inout State, _ path: String) {
        if state.size == whole { return }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        let failure = posix_fallocate(descriptor, 0, off_t(2 * whole))
        state.lacksSpace = failure == ENOSPC || failure == EDQUOT
        let kept = failure == 0 ? whole : min(state.size, whole)
        if ftruncate(descriptor, off_t(kept)) == 0 { state.size = kept }
    }

    /// Whether the disk has so much left that new jobs may come: the reserve is whole, and there is
    /// more. Where it cannot be told, they may.
    func hasRoom() -> Bool {
        let lacksSpace = state.withLock { state in
            Self.makeGood(&state, path)
            return state.size < Self.whole && state.lacksSpace
        }
        if lacksSpace { return false }
        var status = statvfs()
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        guard statvfs(folder.isEmpty ? "/" : String(folder), &status) == 0 else { return true }
        return Int64(clamping: status.f_bavail) * Int64(clamping: status.f_frsize) >= Self.piece
    }
}
