import Foundation
import Testing

@testable import JobModel

/// Everything that is kept or said as JSON comes back as it was, and what was changed on its way
/// is an error or another value, never a trap.
struct JSONRoundTripTests {
    @Test func randomValuesComeBack() throws {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let seedText = Comment(rawValue: "SHUNT_SEED=\(seed)")
            let spec = random.spec()
            #expect(try JSON.roundTrip(spec) == spec, seedText)
            let order = random.order()
            #expect(try JSON.roundTrip(order) == order, seedText)
            let inputs = random.inputs()
            #expect(try JSON.roundTrip(inputs) == inputs, seedText)
            let view = random.view()
            #expect(try JSON.roundTrip(view) == view, seedText)
            let request = SubmitRequest(
                clientKey: random.text(), spec: spec, inputs: inputs, confirmed: random.chance(2))
            #expect(try JSON.roundTrip(request) == request, seedText)
        }
    }

    @Test func damagedJSONIsAnErrorOrAnotherValue() throws {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        var refused = 0
        for _ in 0..<1500 {
            refused += try Self.survives(random.order(), &random, seed)
            refused += try Self.survives(random.inputs(), &random, seed)
            refused += try Self.survives(random.view(), &random, seed)
        }
        #expect(refused > 1000, "hardly anything is refused")
    }

    /// - Returns: 1 if the damaged value was refused.
    private static func survives<Value: Codable & Equatable>(
        _ value: Value, _ random: inout SeededRandom, _ seed: UInt64
    ) throws -> Int {
        let data = try JSON.damaged(try JSON.text(value), &random)
        do {
            let other = try JSONDecoder().decode(Value.self, from: data)
            #expect(try JSON.roundTrip(other) == other, "SHUNT_SEED=\(seed)")
            return 0
        } catch is DecodingError {
            return 1
        }
    }

    @Test func anOrderSaysItsFieldsInTheWordsOfTheProtocol() throws {
        let order = StartOrder(
            token: Sample.token(), spec: Sample.spec(), tree: Sample.tree(),
            git: GitState(commit: "c", branch: nil, dirty: true))
        #expect(
            try JSON.keys(order) == [
                "extra_trees", "git", "mounts", "node_count", "spec", "token", "tree",
                "waits_for_go",
            ])
        #expect(try JSON.text(order.git) == #"{"commit":"c","dirty":true}"#)
        let plain = try JSON.roundTrip(
            StartOrder(token: Sample.token(), spec: Sample.spec(), tree: Sample.tree()))
        #expect(plain.nodeCount == 1)
        #expect(!plain.waitsForGo)
        #expect(plain.git == nil)
    }

    @Test func whatEndedATaskComesBackWithItsProblemAndItsWarnings() throws {
        let ending = TaskEnding(
            exit: .execFailed(errno: 2), cause: .timeout, problem: "why", warnings: ["lost"])
        #expect(try JSON.roundTrip(ending) == ending)
        let json = #"{"exit":{"kind":"exited","code":0},"warnings":[]}"#
        #expect(
            try JSON.value(json, as: TaskEnding.self) == TaskEnding(exit: .exited(code: 0)))
    }

    @Test func aMessageIsAboutItsTaskOrAboutNone() {
        let token = Sample.token()
        let order = StartOrder(token: token, spec: Sample.spec(), tree: Sample.tree())
        let about: [CoordinatorMessage] = [
            .start(order), .go(token, Sample.rendezvous), .cancel(token, immediately: true),
            .signal(token, number: 2, sequence: 1), .acknowledge(token),
        ]
        #expect(about.allSatisfy { $0.token == token })
        #expect(CoordinatorMessage.ping(1).token == nil)
        #expect(CoordinatorMessage.contentPushed(Sample.tree(), failure: nil).token == nil)
    }

    @Test func aStartTokenIsReadInTheOrderOfItsFence() {
        var token = Sample.token()
        token.nonce = 255
        #expect(token.description == "\(Sample.coordinator)/1/\(token.task)/ff")
    }
}
