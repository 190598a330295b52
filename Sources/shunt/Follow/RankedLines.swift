internal import JobModel
internal import Synchronization

/// Output of one task of a gang as lines behind its rank: `[1] epoch 3`. What comes without the end
/// of its line waits for it, so that lines of several tasks never mix; a line that is written over,
/// as progress bars do, is shown as it was at its end.
final class RankedLines: Sendable {
    /// A line that is longer is cut into several.
    static let longest = 64 << 10

    private let prefix: [UInt8]
    private let open = Mutex<[LogStream: [UInt8]]>([:])

    init(rank: Int) { prefix = Array("[\(rank)] ".utf8) }

    /// The lines that the next bytes of a stream end.
    func lines(in bytes: ArraySlice<UInt8>, of stream: LogStream) -> [UInt8] {
        open.withLock { open in
            var line = open[stream] ?? []
            var whole: [UInt8] = []
            for byte in bytes {
                if byte == UInt8(ascii: "\n") {
                    if line.last == UInt8(ascii: "\r") { line.removeLast() }
                    whole += prefix + line + [byte]
                    line = []
                    continue
                }
                if line.last == UInt8(ascii: "\r") { line = [] }
                line.append(byte)
                if line.count == Self.longest {
                    whole += prefix + line + [UInt8(ascii: "\n")]
                    line = []
                }
            }
            open[stream] = line
            return whole
        }
    }

    /// What came after the last end of a line.
    func rest(of stream: LogStream) -> ArraySlice<UInt8> {
        open.withLock { open in
            guard let line = open.removeValue(forKey: stream), !line.isEmpty else { return [] }
            return (prefix + line + [UInt8(ascii: "\n")])[...]
        }
    }
}
