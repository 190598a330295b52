internal import Glibc

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed everywhere.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The numbers that follow from this seed.
    package init(seed: UInt64) { state = seed }

    /// A generator for one test, which prints the seed that would repeat it.
    package static func forTest(_ name: String = #function) -> SeededGenerator {
        let given = getenv("SHUNT_SEED").flatMap { UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0...UInt64.max)
        print("\(name): SHUNT_SEED=\(seed)")
        return SeededGenerator(seed: seed)
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// So many random bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: next()) }
            initialized = count
        }
    }

    /// 0 … `bound` − 1.
    package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// True once in so many times.
    package mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }

    /// One of the values, which are not none.
    package mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
