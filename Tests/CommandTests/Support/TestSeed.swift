import Foundation

/// The seed of this run's random tests: `SHUNT_SEED`, or one drawn and printed.
enum TestSeed {
    static let value: UInt64 = {
        if let text = ProcessInfo.processInfo.environment["SHUNT_SEED"], let seed = UInt64(text) {
            return seed
        }
        let seed = UInt64.random(in: 0 ... .max)
        print("SHUNT_SEED=\(seed)")
        return seed
    }()
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
