internal import CLinux

/// The two ends of a new pipe, closed in children. In a file of its own, since `pipe2` is in
/// CLinux alone and its names clash with Glibc's.
struct PipeEnds: ~Copyable {
    let reading: Descriptor
    let writing: Descriptor

    /// - Returns: `nil` where the process has no descriptors left.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { return nil }
        reading = Descriptor(adopting: ends[0])
        writing = Descriptor(adopting: ends[1])
    }

    /// Closes the end for writing.
    consuming func takeReading() -> Descriptor { reading }
}
