/// What happened, as text: the last lines for whoever reads a failure, and a hash over all lines
/// that tells whether two runs were the same.
struct Trace {
    static let kept = 40

    private var ring: [String] = []
    private var next = 0
    private(set) var lineCount = 0
    /// FNV-1a with 64 bits.
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ line: String) {
        for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0x0a) &* 0x100_0000_01b3
        lineCount += 1
        if ring.count < Self.kept {
            ring.append(line)
        } else {
            ring[next] = line
            next = (next + 1) % Self.kept
        }
    }

    /// Oldest first.
    var lastLines: [String] { Array(ring[next...] + ring[..<next]) }
}
