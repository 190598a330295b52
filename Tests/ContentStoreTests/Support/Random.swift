internal import ContentStore
internal import Glibc

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
    }

    /// A name that a directory can hold, often an odd one.
    mutating func name() -> [UInt8] {
        let odd: [[UInt8]] = [
            Array("with space".utf8), Array("new\nline".utf8), Array("-rf".utf8),
            Array("quote'\"`".utf8), [0xFF, 0xFE, 0x80], Array("ünïcode".utf8), Array("...".utf8),
            Array(".hidden".utf8), Array("tab\there".utf8), Array("back\\slash".utf8),
        ]
        if Int.random(in: 0..<4, using: &self) == 0 { return odd.randomElement(using: &self)! }
        let length = [1, 2, 5, 12, 40, 255].randomElement(using: &self)!
        let name = (0..<length).map { _ in UInt8.random(in: 1...255, using: &self) }
            .map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
        return name == [46] || name == [46, 46] ? [UInt8(ascii: "x")] : name
    }

    /// Fills a directory with files, links and directories, up to `depth` levels.
    mutating func fill(_ path: RawPath, depth: Int) {
        for _ in 0..<Int.random(in: 0..<7, using: &self) {
            let child = path.appending(name())
            if status(child) != nil { continue }
            switch Int.random(in: 0..<8, using: &self) {
            case 0...1 where depth > 0:
                makeDirectories(child)
                fill(child, depth: depth - 1)
            case 2: link(child, to: "target-\(next() % 5)")
            default:
                let size = [0, 1, 100, 5000, 70_000].randomElement(using: &self)!
                write(bytes(size), to: child, mode: Bool.random(using: &self) ? 0o755 : 0o644)
            }
            setModified(
                child,
                FileTime(
                    seconds: Int64.random(in: 0...2_000_000_000, using: &self),
                    nanoseconds: UInt32.random(in: 0..<1_000_000_000, using: &self)))
        }
    }
}

/// The seed of this run: `SHUNT_SEED`, or a new one; printed either way.
func testSeed(_ what: String) -> UInt64 {
    let given = getenv("SHUNT_SEED").flatMap { UInt64(String(cString: $0)) }
    let seed = given ?? UInt64.random(in: .min ... .max)
    print("\(what): SHUNT_SEED=\(seed)")
    return seed
}
