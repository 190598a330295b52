/// A hash table from names to the patterns that spell them out, without an allocation per look-up.
///
/// Open addressing over FNV-1a. It is not hardened against chosen names: whoever writes the ignore
/// file owns the tree, and ``IgnoreRules/patternLimit`` bounds what a bad choice costs.
struct LiteralNames: Sendable {
    private struct Entry: Sendable {
        var bytes: [UInt8]
        /// Pattern indices, in order.
        var indices: [Int]
    }

    private var entries: [Entry] = []
    /// Position in ``entries`` plus one, or 0 where free. A power of two, at most half full.
    private var slots: [Int32] = []

    mutating func insert(_ bytes: [UInt8], index: Int) {
        let found = bytes.withUnsafeBufferPointer { position(of: $0) }
        if let found {
            entries[found].indices.append(index)
            return
        }
        entries.append(Entry(bytes: bytes, indices: [index]))
        if entries.count * 2 > slots.count { grow() } else { place(entries.count - 1) }
    }

    func forEachIndex(of name: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Void) {
        guard let found = position(of: name) else { return }
        for index in entries[found].indices { body(index) }
    }

    private func position(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        guard !slots.isEmpty else { return nil }
        let mask = slots.count - 1
        var slot = Self.hash(name) & mask
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            if Self.equal(entries[position].bytes, name) { return position }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private mutating func grow() {
        slots = [Int32](repeating: 0, count: max(16, slots.count * 2))
        for position in entries.indices { place(position) }
    }

    private mutating func place(_ position: Int) {
        let mask = slots.count - 1
        var slot = entries[position].bytes.withUnsafeBufferPointer { Self.hash($0) } & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(position + 1)
    }

    private static func equal(_ bytes: [UInt8], _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count == name.count else { return false }
        for index in 0..<bytes.count where bytes[index] != name[index] { return false }
        return true
    }

    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
