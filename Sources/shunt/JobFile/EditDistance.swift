/// How far two words are apart: insertions, deletions, replacements and swaps of neighbours
/// (optimal string alignment; Boytsov, "Indexing methods for approximate dictionary searching").
enum EditDistance {
    static func between(_ left: String, _ right: String) -> Int {
        let a = Array(left.utf8)
        let b = Array(right.utf8)
        var beforePrevious = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var current = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in 0..<b.count {
                let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
                var best = min(replaced, previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, beforePrevious[j - 1] + 1)
                }
                current[j + 1] = best
            }
            beforePrevious = previous
            previous = current
        }
        return previous[b.count]
    }

    /// The candidate that a person most likely meant, the first of the nearest; `nil` where none
    /// is near enough to be a slip of the finger.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        // A word of hundreds of bytes is no slip, and the table would be as large.
        guard word.utf8.count <= 64 else { return nil }
        let lowered = word.lowercased()
        let ranked = candidates.map { (name: $0, distance: between(lowered, $0.lowercased())) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, min(word.utf8.count, best.name.utf8.count) / 3)
            ? best.name : nil
    }
}
