import Testing

/// The simulation would notice: with one safeguard taken out of the interpreters, some history
/// among a few breaks the invariant that the safeguard is for.
struct InjectionTests {
    /// What is taken out, the invariant that has to break, and why it does.
    struct Case: CustomTestStringConvertible {
        var injection: Injection
        var invariant: Invariant
        /// Where such a history was found last: the search begins there, and goes round.
        var from: UInt64 = 1
        var testDescription: String { "\(injection.rawValue) breaks: \(invariant.rawValue)" }
    }

    static let seeds: ClosedRange<UInt64> = 1...900

    @Test(arguments: [
        // A start order that was overtaken by a new session runs beside its replacement.
        Case(injection: .fenceIgnored, invariant: .oneLiveAttempt, from: 328),
        Case(injection: .fenceIgnored, invariant: .oneExec, from: 175),
        Case(injection: .barrierOpen, invariant: .execNeedsStarted),
        // The power fails between exec and `started`: the task provably never ran, and runs again.
        Case(injection: .barrierOpen, invariant: .oneExec, from: 429),
        Case(injection: .agentActsFirst, invariant: .durableBeforeSaid),
        Case(injection: .agentActsFirst, invariant: .execNeedsStarted),
        Case(injection: .agentActsFirst, invariant: .oneExec, from: 291),
        // A placement that was sent and not committed is made again elsewhere.
        Case(injection: .coordinatorActsFirst, invariant: .commitBeforeActing),
        Case(injection: .coordinatorActsFirst, invariant: .acknowledgedExists),
        Case(injection: .coordinatorActsFirst, invariant: .oneExec),
    ])
    func withoutASafeguardSomeHistoryBreaks(_ what: Case) {
        for seed in Array(what.from...Self.seeds.upperBound) + Array(1..<what.from) {
            var settings = Simulation.Settings(seed: seed)
            settings.injection = what.injection
            settings.watched = [what.invariant]
            let outcome = Simulation(settings).run()
            guard let violation = outcome.violation else { continue }
            print("\(what.testDescription): seed \(seed), \(violation.detail)")
            return
        }
        Issue.record("\(what.testDescription): \(Self.seeds.count) histories saw nothing")
    }

    @Test func oneSeedIsOneHistory() {
        for seed: UInt64 in [1, 2, 3, 17] {
            let first = Simulation(.init(seed: seed)).run()
            let second = Simulation(.init(seed: seed)).run()
            #expect(first.traceHash == second.traceHash, "seed \(seed)")
            #expect(first.steps == second.steps)
            #expect(first.traceHash != Simulation(.init(seed: seed + 1000)).run().traceHash)
        }
    }
}
