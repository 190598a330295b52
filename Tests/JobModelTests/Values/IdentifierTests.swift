import Foundation
import Testing

@testable import JobModel

struct IdentifierTests {
    @Test(arguments: ["7f3k2a", "000000", "zzzzzz"])
    func jobIDsAreSixSymbols(_ text: String) {
        #expect(JobID(text)?.text == text)
    }

    @Test(arguments: [
        "", "7f3k2", "7f3k2ab", "7F3K2A", "7f3k2i", "7f3k2l", "7f3k2o", "7f3k2u",
        "7f3k2-", "7f3k2é",
    ])
    func otherTextsAreNoJobIDs(_ text: String) {
        #expect(JobID(text) == nil)
    }

    @Test func randomNumbersSpellValidIDs() {
        let seed = SeededRandom.seed
        var random = SeededRandom(seed: seed)
        for _ in 0..<1000 {
            let number = random.next()
            let id = JobID(random: number)
            #expect(JobID(id.text) == id, "SHUNT_SEED=\(seed)")
            #expect(JobID(random: number & (1 << 30 - 1)) == id, "only 30 bits count")
        }
        #expect(JobID(random: 0).text == "000000")
        #expect(JobID(random: UInt64.max).text == "zzzzzz")
    }

    @Test func attemptsAndTasksSpellWhatTheyBelongTo() throws {
        let task = try #require(TaskID("7f3k2a.2/13"))
        #expect(task.job.text == "7f3k2a")
        #expect(task.attempt.number == 2)
        #expect(task.rank == 13)
        #expect(task.text == "7f3k2a.2/13")
        #expect(AttemptID("7f3k2a.2") == task.attempt)
    }

    @Test(arguments: [
        "7f3k2a", "7f3k2a.0", "7f3k2a.-1", "7f3k2a.01", "7f3k2a.+1", "7f3k2a.1.1", "7f3k2a.",
        ".1", "7f3k2a.99999999999999999999", "7f3k2a.x",
    ])
    func otherTextsAreNoAttempts(_ text: String) {
        #expect(AttemptID(text) == nil)
        #expect(TaskID(text + "/0") == nil)
    }

    @Test(arguments: ["7f3k2a.1", "7f3k2a.1/", "7f3k2a.1/00", "7f3k2a.1/-1", "7f3k2a.1/0/0", "/0"])
    func otherTextsAreNoTasks(_ text: String) {
        #expect(TaskID(text) == nil)
    }

    @Test(arguments: ["a", "0", "gpu-1", "A.b_c-9", String(repeating: "x", count: 63)])
    func namesOfWorkersAndJobs(_ text: String) {
        #expect(NameGrammar.accepts(text))
        #expect(WorkerName(text)?.text == text)
        #expect(JobName(text)?.text == text)
    }

    @Test(arguments: [
        "", "-a", "a-", ".a", "a.", "_", "a b", "a/b", "é", "a\u{0}b", "a\n",
        String(repeating: "x", count: 64),
    ])
    func otherTextsAreNoNames(_ text: String) {
        #expect(!NameGrammar.accepts(text))
        #expect(WorkerName(text) == nil)
        #expect(JobName(text) == nil)
    }

    @Test func theLocalWorkerHasAValidName() {
        #expect(WorkerName("local") == .local)
    }

    @Test func coordinatorsAndAgentsAre128Bits() {
        let id = CoordinatorID(high: 1, low: UInt64.max)
        #expect(id.text == "0000000000000001ffffffffffffffff")
        #expect(CoordinatorID(id.text) == id)
        #expect(
            AgentID(AgentID(high: UInt64.max, low: 0).text)?.text.suffix(16) == "0000000000000000")
        for bad in [
            "", "0", id.text.uppercased(), id.text + "0", String(repeating: "g", count: 32),
        ] {
            #expect(CoordinatorID(bad) == nil)
            #expect(AgentID(bad) == nil)
        }
    }

    @Test func inJSONAnIdentifierIsItsText() throws {
        let job = try #require(JobID("7f3k2a"))
        #expect(String(decoding: try JSONEncoder().encode([job]), as: UTF8.self) == "[\"7f3k2a\"]")
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([JobID].self, from: Data("[\"oops\"]".utf8))
        }
    }

    @Test func fencesOrderByEpochAndThenBySession() {
        let fences = [(1, 1), (1, 2), (2, 0), (2, 9), (10, 1)].map {
            Fence(epoch: $0.0, session: $0.1)
        }
        for (left, right) in zip(fences, fences.dropFirst()) {
            #expect(left < right)
            #expect(!(right < left))
        }
    }
}
