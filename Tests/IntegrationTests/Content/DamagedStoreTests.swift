import Foundation
import Testing
import Lab

/// Objects whose bytes changed in a store, by a disk or by a hand: they reach no job and no file of
/// a person's, and are mended as soon as anybody has the right bytes.
@Suite struct DamagedStoreTests {
    /// Flips the last byte of each object of a store that has any.
    private func damageAll(in store: String, _ home: ShuntHome) async throws {
        let script = """
            import os, sys
            count = 0
            for folder, _, names in os.walk('objects'):
                for name in names:
                    path = os.path.join(folder, name)
                    data = bytearray(open(path, 'rb').read())
                    if not data: continue
                    data[-1] ^= 1
                    os.chmod(path, 0o644)
                    open(path, 'wb').write(data)
                    count += 1
            sys.exit(0 if count else 1)
            """
        let outcome = try await home.shell(
            "python3 - <<'END'\n\(script)\nEND", cwd: store)
        try #require(outcome.code == 0, "\(outcome.errorText)")
    }

    /// Several files at two levels, in the store by a first job.
    private func fill(_ home: ShuntHome) async throws {
        for index in 0..<4 { try home.write("f\(index)", "content \(index)\n") }
        try home.write("sub/s", "below\n")
        #expect(try await home.run("run", "-q", "--", "true").code == 0)
    }

    @Test func runMendsAllOfItAndRunsTheJobOnce() async throws {
        try await ShuntHome.use { home in
            try await fill(home)
            try await damageAll(in: home.root + "/store", home)
            let outcome = try await home.run(
                "run", "--", "sh", "-c", "cat f0 f3 sub/s; echo $$ > pid")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == "content 0\ncontent 3\nbelow\n")
            #expect(outcome.errorText.contains("never began"), "\(outcome.errorText)")
            #expect(!outcome.errorText.contains("no longer kept"))
            let jobs = try await home.jobs()
            #expect(jobs.count == 3, "the filling, the one that never began, the one that ran")
        }
    }

    @Test func theNextSubmissionAfterOneThatFailedIsWhole() async throws {
        try await ShuntHome.use { home in
            try await fill(home)
            try await damageAll(in: home.root + "/store", home)
            let first = try await home.submit("cat", "f1", "sub/s")
            _ = try await home.run("wait", first)
            let failed = try await home.inspect(first)
            #expect(failed["verdict"].string == "staging_failed")
            #expect(failed["reason"].string?.contains("was damaged and was moved aside") == true)
            let second = try await home.submit("cat", "f1", "sub/s")
            #expect(try await home.run("wait", second).text == "0\n")
            #expect(try await home.run("logs", second).text == "content 1\nbelow\n")
        }
    }

    @Test func aWorkerWithAStoreOfItsOwnIsSentWhatItLost() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            try await fill(home)
            try await damageAll(in: shared.base + "/agent/store", home)
            let outcome = try await home.run("run", "-q", "--", "cat", "f0", "f1", "f2", "sub/s")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == "content 0\ncontent 1\ncontent 2\nbelow\n")
            #expect(try await home.jobs().count == 2)
        }
    }

    @Test func damagedOutputsAreFetchedAgainWhereTheWorkerHasThem() async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            let ran = try await home.run(
                "run", "-q", "--no-pull", "--name", "maker", "--", "sh", "-c",
                "mkdir d; echo one > d/one; echo two > two")
            #expect(ran.code == 0, "\(ran.errorText)")
            _ = try await home.run("wait", "maker")
            try await expectFetched(home)
            try await damageAll(in: home.root + "/store", home)
            let pulled = try await home.run("pull", "maker")
            #expect(pulled.code == 0, "\(pulled.errorText)")
            #expect(try home.read("d/one") == "one\n")
            #expect(try home.read("two") == "two\n")
        }
    }

    /// By a hand, by a cleaner of a scratch disk, by a power cut: what a worker has lost comes
    /// again, while its agent lives.
    @Test(arguments: [
        "find objects -type f -delete", "rm -rf objects/*",
        "find objects -type f -size +0 | xargs chmod u+w; "
            + "find objects -type f -size +0 | xargs truncate -s -1",
        "find objects -type f | xargs chmod u+w; for f in $(find objects -type f); do "
            + "echo more >>$f; done",
    ])
    func whatAWorkerHasLostComesAgain(_ loss: String) async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            try await fill(home)
            let lost = try await home.shell(loss, cwd: shared.base + "/agent/store")
            try #require(lost.code == 0, "\(lost.errorText)")
            let outcome = try await home.run("run", "-q", "--", "cat", "f0", "sub/s")
            #expect(outcome.code == 0, "\(outcome.errorText)")
            #expect(outcome.text == "content 0\nbelow\n")
        }
    }

    @Test(arguments: ["rm -rf store", "rm -rf store/objects", "rm -rf store/objects/*"])
    func aStoreThatWasTakenFromAHomeIsMadeAgain(_ loss: String) async throws {
        try await ShuntHome.use { home in
            try await fill(home)
            let lost = try await home.shell(loss, cwd: home.root)
            try #require(lost.code == 0, "\(lost.errorText)")
            try await expectJobsRunAgain(home)
        }
    }

    @Test(arguments: ["rm -rf store", "rm -rf store/objects", "mv store other"])
    func aStoreThatWasTakenFromAWorkerIsMadeAgain(_ loss: String) async throws {
        try await ShuntHome.use { shared in
            var home = shared
            home.variables["SHUNT_AGENT_HOME"] = shared.base + "/agent"
            try await fill(home)
            let lost = try await home.shell(loss, cwd: shared.base + "/agent")
            try #require(lost.code == 0, "\(lost.errorText)")
            try await expectJobsRunAgain(home)
        }
    }

    /// The process that has the store open notices within seconds; until then a job may fail.
    private func expectJobsRunAgain(_ home: ShuntHome) async throws {
        let runs = await eventually {
            // A look that fails is repeated.
            (try? await home.run("run", "-q", "--", "cat", "f0", "sub/s").text)
                == "content 0\nbelow\n"
        }
        #expect(runs)
    }

    private func expectFetched(_ home: ShuntHome) async throws {
        let isFetched = await eventually {
            // A look that fails is repeated.
            (try? await home.inspect("maker")["outputs_fetch"].string) == "fetched"
        }
        #expect(isFetched)
    }

    @Test func damagedOutputsThatNobodyElseHasAreAnErrorAndPlaceNothing() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "-q", "--no-pull", "--name", "maker", "--", "sh", "-c", "echo one > one")
            #expect(ran.code == 0, "\(ran.errorText)")
            try await expectFetched(home)
            try await damageAll(in: home.root + "/store", home)
            let pulled = try await home.run("pull", "maker")
            expectRefused(
                pulled, code: 1, naming: ["was damaged and was moved aside", "are lost"])
            let again = try await home.run("pull", "maker")
            expectRefused(again, code: 1, naming: ["outputs", "are lost", "nor its worker"])
            #expect(!home.exists("one"))
        }
    }

    @Test func pullSaysWhyTheOutputsOfAJobAreLost() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "-q", "--name", "loser", "--", "sh", "-c", "cd ..; mv work elsewhere")
            #expect(ran.code == 125, "\(ran.errorText)")
            let pulled = try await home.run("pull", "loser")
            expectRefused(pulled, code: 1, naming: ["are lost", "could not be collected"])
        }
    }
}
