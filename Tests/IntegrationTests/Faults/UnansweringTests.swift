import Foundation
import Testing
import Lab

/// A coordinator that has the home and cannot be reached.
@Suite struct UnansweringTests {
    private func coordinator(_ home: ShuntHome) throws -> pid_t {
        let text = try String(contentsOfFile: home.root + "/coordinator/lock", encoding: .utf8)
        return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    @Test func oneWhoseSocketIsGoneMakesRoomForAnother() async throws {
        try await ShuntHome.use { home in
            let wait = "while [ ! -e \(home.base)/go ]; do :; done"
            let job = try await home.submit("sh", "-c", wait)
            try FileManager.default.removeItem(atPath: home.runtimeDirectory)
            let listed = try await home.run("ps", "-o", "json")
            #expect(listed.code == 0, "\(listed.errorText)")
            #expect(try JSON(parsing: listed.output)[0]["id"].string == job)
            try "".write(toFile: home.base + "/go", atomically: false, encoding: .utf8)
            #expect(try await home.run("wait", job).text == "0\n")
        }
    }

    /// Nobody may ask for hours, and jobs wait for their turn.
    @Test func oneWhoseSocketIsGoneComesBackUnasked() async throws {
        try await ShuntHome.use { home in
            #expect(try await home.run("ps").code == 0)
            try FileManager.default.removeItem(atPath: home.runtimeDirectory)
            let isBack = await eventually(within: .seconds(20)) {
                FileManager.default.fileExists(
                    atPath: home.runtimeDirectory + "/coordinator.sock")
            }
            #expect(isBack)
            let status = try await home.run("coordinator", "status")
            #expect(status.code == 0, "\(status.errorText)")
            #expect(try await home.run("run", "-q", "--", "echo", "in").text == "in\n")
            #expect(try await home.run("coordinator", "stop").code == 0)
        }
    }

    @Test func oneThatIsStoppedAndHasNoSocketIsNamed() async throws {
        try await ShuntHome.use { home in
            #expect(try await home.run("ps").code == 0)
            let pid = try coordinator(home)
            #expect(kill(pid, SIGSTOP) == 0)
            try FileManager.default.removeItem(atPath: home.runtimeDirectory)
            let outcome = try await home.run("ps")
            expectRefused(outcome, code: 4, naming: ["process \(pid)"])
            #expect(outcome.errorText.contains("hint: kill -KILL \(pid)"))
            #expect(kill(pid, SIGKILL) == 0)
            #expect(try await home.run("ps").code == 0)
        }
    }

    @Test func aPersonHearsThatAnAnswerIsLate() async throws {
        try await ShuntHome.use { home in
            #expect(try await home.run("ps").code == 0)
            let pid = try coordinator(home)
            #expect(kill(pid, SIGSTOP) == 0)
            let command = try home.start(["ps"])
            let heard = await eventually(within: .seconds(20)) {
                command.errorsSoFar.contains(
                    "the coordinator (process \(pid)) does not answer; waiting for it")
            }
            #expect(heard)
            #expect(kill(pid, SIGCONT) == 0)
            let outcome = await command.outcome()
            #expect(outcome.code == 0, "\(outcome.errorText)")
        }
    }
}
