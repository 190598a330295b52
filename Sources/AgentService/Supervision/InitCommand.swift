internal import Glibc

/// What init obeys: one write of eight bytes to `control.fifo` each, `S C 1 OPERATION` and a
/// little-endian argument. Writes of this size are never torn, however many write at once.
enum InitCommand: Hashable {
    /// Opens the barrier.
    case go
    /// To the command's process group.
    case signal(Int32)
    /// The same as the first step of ending the task: the exit record will say so.
    case stop(Int32)
    /// SIGKILL for the whole tree, now.
    case kill
    /// All that the FIFOs held has been read. Heard only when the tree is gone.
    case quit

    private var encoded: [UInt8] {
        let (operation, argument): (UInt8, Int32) =
            switch self {
            case .go: (1, 0)
            case .signal(let number): (2, number)
            case .stop(let number): (3, number)
            case .kill: (4, 0)
            case .quit: (5, 0)
            }
        var bytes = Array("SC".utf8) + [1, operation]
        withUnsafeBytes(of: argument.littleEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// - Returns: `false` where no init lives to hear it.
    func send(in directory: borrowing OwnedDescriptor) throws(SystemError) -> Bool {
        let name = TaskDirectory.control
        do throws(SystemError) {
            let fifo = try directory.open(name, O_WRONLY | O_NONBLOCK)
            let raw = fifo.raw
            let bytes = encoded
            try SystemError.check("write", name) {
                bytes.withUnsafeBytes { write(raw, $0.baseAddress!, $0.count) }
            }
            return true
        } catch {
            // Nobody has it open for reading, or just closed it; or it was never made.
            if [ENXIO, EPIPE, ENOENT].contains(error.errno) { return false }
            throw error
        }
    }
}
