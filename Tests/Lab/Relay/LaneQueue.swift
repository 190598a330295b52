internal import Glibc

/// The bytes of one lane that are on their way, in blocks that are reused, and the moments at
/// which stretches of them are due. Memory follows what is on its way.
struct LaneQueue: ~Copyable {
    /// What may be on its way, so that at a delay of 25 ms 1.3 GB/s pass.
    static let capacity = 32 << 20
    /// What may wait for a receiver that does not read.
    static let overdueLimit = 1 << 20
    /// Stretches; a sender of single bytes meets this bound first.
    static let stretchLimit = 1 << 16
    private static let blockSize = 256 << 10
    private static let spareLimit = 4

    private struct Block {
        let memory: UnsafeMutableRawPointer
        var start = 0
        var end = 0
    }

    private struct Stretch {
        /// Offset in the stream at which it ends.
        var end: UInt64
        var due: UInt64
    }

    private var blocks = Fifo<Block>()
    private var stretches = Fifo<Stretch>()
    private var spare: [UnsafeMutableRawPointer] = []
    /// Offsets in the stream: what came, what is due, what was delivered.
    private var taken: UInt64 = 0
    private var ripe: UInt64 = 0
    private var delivered: UInt64 = 0

    deinit {
        blocks.forEach { $0.memory.deallocate() }
        for memory in spare { memory.deallocate() }
    }

    var isEmpty: Bool { taken == delivered }

    /// Whether more may be taken.
    var hasRoom: Bool {
        taken - delivered < Self.capacity && ripe - delivered < Self.overdueLimit
            && stretches.count < Self.stretchLimit
    }

    /// Bytes that are due and not delivered.
    var overdue: Int { Int(ripe - delivered) }

    /// When the next stretch is due that is not.
    var nextDue: UInt64? { stretches.first?.due }

    /// Lets `read` fill free memory.
    ///
    /// - Parameter read: returns how many bytes it put at the start of the memory, or a negative
    ///   number.
    /// - Returns: what `read` returned.
    mutating func take(
        atMost limit: Int, _ read: (UnsafeMutableRawPointer, Int) -> Int
    ) -> Int {
        if blocks.last.map({ Self.blockSize - $0.end < Self.blockSize / 4 }) ?? true {
            let memory =
                spare.popLast() ?? .allocate(byteCount: Self.blockSize, alignment: 64)
            blocks.append(Block(memory: memory))
        }
        let block = blocks.last!
        let count = read(block.memory + block.end, min(limit, Self.blockSize - block.end))
        if count > 0 {
            blocks.updateLast { $0.end += count }
            taken += UInt64(count)
        }
        return count
    }

    /// Says when what was taken since the last call is due; moments never go back.
    mutating func schedule(due: UInt64) {
        stretches.append(Stretch(end: taken, due: due))
    }

    /// Notes what is due by now.
    mutating func ripen(now: UInt64) {
        while let first = stretches.first, first.due <= now {
            ripe = first.end
            stretches.removeFirst()
        }
    }

    /// Hands out bytes that are due, at most one block of them.
    ///
    /// - Parameter write: returns how many bytes it took, or a negative number.
    /// - Returns: what `write` returned.
    mutating func deliver(
        atMost limit: Int, _ write: (UnsafeMutableRawPointer, Int) -> Int
    ) -> Int {
        guard let block = blocks.first, overdue > 0 else { return 0 }
        let count = write(
            block.memory + block.start, min(limit, overdue, block.end - block.start))
        guard count > 0 else { return count }
        delivered += UInt64(count)
        blocks.updateFirst { $0.start += count }
        if block.start + count == block.end { recycleFirst() }
        return count
    }

    /// Forgets everything that is on its way.
    mutating func discard() {
        while blocks.first != nil { recycleFirst() }
        while stretches.first != nil { stretches.removeFirst() }
        ripe = taken
        delivered = taken
    }

    private mutating func recycleFirst() {
        let memory = blocks.removeFirst().memory
        if spare.count < Self.spareLimit { spare.append(memory) } else { memory.deallocate() }
    }
}

/// First in, first out, in an array whose front is cut off now and then.
private struct Fifo<Element> {
    private var elements: [Element] = []
    private var head = 0

    var count: Int { elements.count - head }
    var first: Element? { head < elements.count ? elements[head] : nil }
    var last: Element? { head < elements.count ? elements[elements.count - 1] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    @discardableResult
    mutating func removeFirst() -> Element {
        let element = elements[head]
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1_024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func updateFirst(_ change: (inout Element) -> Void) { change(&elements[head]) }

    mutating func updateLast(_ change: (inout Element) -> Void) {
        change(&elements[elements.count - 1])
    }

    func forEach(_ body: (Element) -> Void) { elements[head...].forEach(body) }
}
