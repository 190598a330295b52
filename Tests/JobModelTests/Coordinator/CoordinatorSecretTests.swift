import Testing

@testable import JobModel

/// The coordinator's core has secrets handed over when they are asked for, and dropped with the end
/// of the job.
struct CoordinatorSecretTests {
    private static var spec: JobSpec {
        var spec = Sample.spec()
        spec.secrets = ["HF_TOKEN"]
        return spec
    }

    @Test func theyAreHandedOverOnceHoweverOftenTheyAreAskedFor() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed(Self.spec)
        #expect(try bench.hear(.needSecrets(token)).handings == [token])
        #expect(try bench.hear(.needSecrets(token)).handings.isEmpty)
        let handed = CoordinatorEvent.secretsHanded(CoordinatorBench.gpu, token, failure: nil)
        #expect(try bench.step(handed).sent == [.secretsHanded(token, failure: nil)])
        #expect(try bench.step(handed).sent.isEmpty, "a late copy")
        #expect(try bench.hear(.needSecrets(token)).handings == [token], "they are gone again")
    }

    @Test func aHandingThatBrokeBeginsAgain() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed(Self.spec)
        try bench.hear(.needSecrets(token))
        let broken = CoordinatorEvent.secretsHanded(
            CoordinatorBench.gpu, token, failure: .interrupted)
        #expect(try bench.step(broken).handings == [token])
        try bench.disconnect()
        try bench.connect(reports: [bench.report(.staging, of: token)])
        #expect(try bench.step(broken).handings.isEmpty, "of a session that is over")
        #expect(try bench.hear(.needSecrets(token)).handings == [token])
    }

    @Test func whyTheyCannotBeHadIsSaid() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed(Self.spec)
        try bench.hear(.needSecrets(token))
        let effects = try bench.step(
            .secretsHanded(CoordinatorBench.gpu, token, failure: .impossible("gone")))
        #expect(effects.sent == [.secretsHanded(token, failure: "gone")])
    }

    @Test func nobodyGetsThoseOfACommandThatMayHaveRun() throws {
        var bench = try CoordinatorBench()
        let (_, token) = try bench.placed(Self.spec)
        try bench.hear(.running, of: token)
        #expect(try bench.hear(.needSecrets(token)).handings.isEmpty)
    }

    @Test func theyGoWithTheEndOfTheJob() throws {
        var bench = try CoordinatorBench()
        let (id, token) = try bench.placed(Self.spec)
        let key = bench.core.job(id)!.clientKey
        #expect(try bench.hear(.running, of: token).drops.isEmpty)
        let result = TaskResult(verdict: .succeeded, exit: .exited(code: 0))
        #expect(try bench.hear(.terminal, of: token, result: result).drops == [key])
    }

    @Test func aJobThatWaitsWithoutThemEnds() throws {
        var bench = try CoordinatorBench(connected: false)
        let id = try bench.submit("k", Self.spec).id!
        let other = try bench.submit("l").id!
        try bench.step(.secretsLost(other))
        #expect(bench.core.job(other)?.state == .queued, "it has none")
        let effects = try bench.step(.secretsLost(id))
        #expect(effects.commits.first?.state == .failed)
        #expect(effects.commits.first?.reason == CoordinatorCore.lostSecrets)
        #expect(effects.drops == ["k"])
    }
}

extension [CoordinatorEffect] {
    fileprivate var handings: [StartToken] {
        compactMap { effect in
            if case .handSecrets(_, let token, ["HF_TOKEN"], _) = effect { return token }
            return nil
        }
    }

    fileprivate var drops: [String] {
        compactMap { effect in
            if case .dropSecrets(let key) = effect { return key }
            return nil
        }
    }
}
