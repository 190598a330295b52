import Testing

@testable import JobModel

/// The agent's core knows whether a task has its secrets, and never what they are.
struct AgentSecretTests {
    private static func order(_ bench: AgentBench) -> StartOrder {
        var order = bench.order()
        order.spec.secrets = ["HF_TOKEN"]
        return order
    }

    @Test func missingSecretsAreAskedForAndTheTaskIsStagedOnceTheyAreThere() throws {
        var bench = try AgentBench()
        let order = Self.order(bench)
        try bench.hear(.start(order))
        #expect(bench.core.wantsSecrets(order.token, named: ["HF_TOKEN"]))
        #expect(!bench.core.wantsSecrets(order.token, named: ["OTHER"]))
        let effects = try bench.step(.secretsMissing(order.token))
        #expect(effects.last == .send(AgentBench.connection, .needSecrets(order.token)))
        #expect(effects.reports.first?.activity == "receiving secrets")
        let handed = CoordinatorMessage.secretsHanded(order.token, failure: nil)
        #expect(try bench.hear(handed) == [.stage(order)])
        #expect(try bench.hear(handed).isEmpty, "a second copy")
    }

    /// The stream on which they were asked for is gone, and with it what it carried.
    @Test func theyAreAskedForAgainInTheNextSession() throws {
        var bench = try AgentBench()
        let order = Self.order(bench)
        try bench.hear(.start(order))
        try bench.step(.secretsMissing(order.token))
        let later = ConnectionID(number: 2)
        let effects = try bench.hello(Sample.coordinator, Fence(epoch: 5, session: 2), later)
        #expect(effects.last == .send(later, .needSecrets(order.token)))
    }

    @Test func aTaskWhoseSecretsCannotBeHadNeverRuns() throws {
        var bench = try AgentBench()
        let order = Self.order(bench)
        try bench.hear(.start(order))
        try bench.step(.secretsMissing(order.token))
        let effects = try bench.hear(.secretsHanded(order.token, failure: "they are gone"))
        let result = TaskResult(verdict: .stagingFailed, message: "they are gone")
        #expect(effects.records == [.finished(order.token, result, at: bench.now.wall)])
        #expect(effects.deeds == [.abortStaging(order.token), .dropSecrets(order.token)])
        #expect(bench.core.tasksWithSecrets.isEmpty)
    }

    @Test func theyGoWithTheEndOfTheTree() throws {
        var bench = try AgentBench()
        let order = Self.order(bench)
        try bench.hear(.start(order))
        try bench.step(.staged(order.token))
        try bench.step(.initReady(order.token, Sample.process()))
        #expect(bench.core.tasksWithSecrets == [order.token])
        #expect(!bench.core.wantsSecrets(order.token, named: ["HF_TOKEN"]))
        let effects = try bench.step(.ended(order.token, TaskEnding(exit: .exited(code: 0))))
        #expect(effects.deeds == [.dropSecrets(order.token), .collect(order)])
        #expect(bench.core.tasksWithSecrets.isEmpty)
    }

    @Test func secretsThatAreNeverKeptEndTheTask() throws {
        var bench = try AgentBench()
        let order = Self.order(bench)
        try bench.hear(.start(order))
        for _ in 0..<AgentCore.contentRounds {
            try bench.step(.secretsMissing(order.token))
            try bench.hear(.secretsHanded(order.token, failure: nil))
        }
        try bench.step(.secretsMissing(order.token))
        #expect(bench.phase() == .terminal)
    }
}
