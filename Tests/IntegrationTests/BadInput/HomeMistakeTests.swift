import Foundation
import Testing
import Lab

/// Homes that this release must not touch, or that somebody else serves.
@Suite struct HomeMistakeTests {
    @Test func aSecondCoordinatorOfAHomeIsRefused() async throws {
        try await ShuntHome.use { home in
            let job = try await home.submit("true")
            let before = try await status(home)
            for _ in 0..<3 {
                let outcome = try await home.run("coordinator", "serve")
                expectRefused(outcome, code: 5, naming: ["`\(home.root)`"])
            }
            #expect(try await status(home) == before)
            #expect(try await home.run("wait", job).text == "0\n")
        }
    }

    @Test func ofSeveralCoordinatorsAtOnceOneServesAndTheOthersAreRefused() async throws {
        try await ShuntHome.use { home in
            let all = try (0..<6).map { _ in try home.start(["coordinator", "serve"]) }
            let decided = await eventually { all.filter(\.hasEnded).count == all.count - 1 }
            #expect(decided)
            // The one that is left serves: it answers, and it is the one that answers.
            let winners = all.filter { !$0.hasEnded }
            try #require(winners.count == 1)
            let answers = try await eventually {
                try await home.shell("shunt coordinator status | awk '$1 == \"pid\" {print $2}'")
                    .text == "\(winners[0].pid)\n"
            }
            #expect(answers)
            for command in all where command.hasEnded {
                expectRefused(await command.outcome(), code: 5, naming: ["`\(home.root)`"])
            }
            #expect(try await home.run("coordinator", "stop").code == 0)
            let winner = await winners[0].outcome()
            #expect(winner.code == 0, "\(winner.errorText)")
        }
    }

    private func status(_ home: ShuntHome) async throws -> String {
        let outcome = try await home.run("coordinator", "status")
        #expect(outcome.code == 0, "\(outcome.errorText)")
        return outcome.text.split(separator: "\n")
            .filter { !$0.hasPrefix("queued") && !$0.hasPrefix("active") }
            .joined(separator: "\n")
    }

    /// The commands that need the ledger, with their codes.
    private static let commands: [([String], Int32)] = [
        (["ps", "-a"], 5), (["inspect", "kept"], 5), (["logs", "kept"], 5), (["pull", "kept"], 5),
        (["cancel", "kept"], 5), (["wait", "kept"], 5), (["worker", "ls"], 5),
        (["coordinator", "serve"], 5), (["submit", "--", "touch", "ran"], 5),
        (["run", "--", "touch", "ran"], 125),
    ]

    @Test func aLedgerOfANewerReleaseIsRefusedAndLeftAlone() async throws {
        try await ShuntHome.use { home in
            try await makeKeptJob(home)
            let ledger = home.root + "/coordinator/ledger.sqlite"
            let version = try await stamp(home, ledger, version: 1000)
            let directory = home.root + "/coordinator"
            let content = try Data(contentsOf: URL(fileURLWithPath: ledger))
            let files = try await home.listing(home.work)
            for (words, code) in Self.commands {
                let outcome = try await home.run(words)
                expectRefused(
                    outcome, code: code, naming: ["`\(ledger)`", "newer release", "1000"])
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: ledger)) == content)
            #expect(try await home.listing(home.work) == files)
            let left = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(!left.contains { $0.contains("damaged") }, "\(left)")
            try await stamp(home, ledger, version: version)
            #expect(try await home.jobs().count == 1)
        }
    }

    @Test func aStoreOfANewerReleaseIsRefusedAndLeftAlone() async throws {
        try await ShuntHome.use { home in
            try await makeKeptJob(home)
            let version = home.root + "/store/version"
            let old = try String(contentsOfFile: version, encoding: .utf8)
            let new = old.replacing("1\n", with: "1000\n")
            #expect(new != old)
            try new.write(toFile: version, atomically: false, encoding: .utf8)
            let files = try await home.listing(home.work)
            for (words, code) in Self.commands {
                let outcome = try await home.run(words)
                expectRefused(
                    outcome, code: code, naming: ["`\(home.root)/store`", "release", "1000"])
            }
            #expect(try String(contentsOfFile: version, encoding: .utf8) == new)
            #expect(try await home.listing(home.work) == files)
            try old.write(toFile: version, atomically: false, encoding: .utf8)
            #expect(try await home.jobs().count == 1)
        }
    }

    /// The agent's part of the home is looked at by the agent, which then does not start: its
    /// worker cannot be reached, and a job waits and says why.
    @Test func aJobWaitsForAnAgentWhoseJournalIsOfANewerReleaseAndSaysSo() async throws {
        try await ShuntHome.use { home in
            try await makeKeptJob(home)
            let journal = home.root + "/agent/journal"
            let old = try Data(contentsOf: URL(fileURLWithPath: journal))
            try #require(old.prefix(9) == Data("SHUNTJNL".utf8) + [1])
            var new = old
            new[8] = 200
            try new.write(to: URL(fileURLWithPath: journal))
            let id = try await home.submit("touch", "ran")
            let says = try await eventually(within: .seconds(20)) {
                let reason = try await home.inspect(id)["waiting"]["message"].string ?? ""
                return reason.contains("`\(journal)`") && reason.contains("newer release")
            }
            let view = try await home.inspect(id)
            #expect(says, "\(view)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: journal)) == new)
            #expect(!home.exists("ran"))
            try old.write(to: URL(fileURLWithPath: journal))
            #expect(try await home.run("wait", id).code == 0)
            #expect(try await home.run("pull", id).code == 0)
            #expect(home.exists("ran"))
        }
    }

    /// Leaves a home with one job in it and no process.
    private func makeKeptJob(_ home: ShuntHome) async throws {
        let ran = try await home.run("run", "-q", "--name", "kept", "--", "true")
        try #require(ran.code == 0, "\(ran.errorText)")
        #expect(try await home.run("coordinator", "stop").code == 0)
        let ended = await eventually { ProcessTable.processes(naming: home.base).isEmpty }
        #expect(ended)
    }

    /// - Returns: the version that it had.
    @discardableResult
    private func stamp(_ home: ShuntHome, _ ledger: String, version: Int) async throws -> Int {
        let script =
            "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); "
            + "print(c.execute('PRAGMA user_version').fetchone()[0]); "
            + "c.execute('PRAGMA user_version=\(version)'); c.commit(); c.close()"
        let ended = await eventually { ProcessTable.processes(naming: home.base).isEmpty }
        #expect(ended)
        let outcome = try await home.shell("python3 -c \"\(script)\" '\(ledger)'")
        try #require(outcome.code == 0, "\(outcome.errorText)")
        return try #require(Int(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
