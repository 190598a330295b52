import Foundation
import Testing

@testable import JobModel

/// Histories of a coordinator and three agents, one for each seed. `SHUNT_SEED=N` lives through one
/// of them, `SHUNT_SEEDS=N` through that many.
@Suite(.serialized)
struct SimulationTests {
    static var seeds: [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SHUNT_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        let count = environment["SHUNT_SEEDS"].flatMap { UInt64($0) } ?? 200
        return Array(1...max(1, count))
    }

    @Test func everyHistoryKeepsTheInvariantsAndSettles() {
        var total = Counters()
        var steps = 0
        for seed in Self.seeds {
            let outcome = Simulation(.init(seed: seed)).run()
            total += outcome.counters
            steps += outcome.steps
            if let violation = outcome.violation {
                Issue.record("\(outcome.report(seed: seed, violation))")
                return
            }
        }
        print("\(Self.seeds.count) histories, \(steps) steps: \(total)")
        if Self.seeds.count >= 100 { #expect(total.missing == []) }
    }
}

extension Simulation.Outcome {
    func report(seed: UInt64, _ violation: Violation) -> String {
        """
        SHUNT_SEED=\(seed) breaks "\(violation.invariant.rawValue)" at \(virtualMilliseconds) ms, \
        step \(steps)
        \(violation.detail)
        \(lastLines.joined(separator: "\n"))
        """
    }
}
