import Foundation
import Testing
import Lab

/// Things of a task that somebody removes while it runs, or its agent forgets.
@Suite struct RemovedTests {
    @Test func aTaskWhoseDirectoryIsRemovedIsEndedAndLost() async throws {
        try await ShuntHome.use { home in
            let pid = home.base + "/pid"
            let script =
                "cd /; echo $$ >\(pid).new; mv \(pid).new \(pid); "
                + "rm -rf \"$(dirname \"$SHUNT_JOB_DIR\")\"; exec sleep 600"
            let id = try await home.submit("sh", "-c", script)
            let waited = try await home.run(["wait", id], within: .seconds(40))
            #expect(waited.code == 0 && waited.text == "125\n", "\(waited.errorText)")
            let view = try await home.inspect(id)
            #expect(view["state"].string == "lost")
            #expect(view["reason"].string?.contains("somebody removed them") == true, "\(view)")
            let number = try #require(
                Int32(try String(contentsOfFile: pid, encoding: .utf8).trimmed))
            #expect(await eventually { kill(number, 0) != 0 })
            // What it held is free again.
            #expect(try await home.run("run", "-q", "--cpus", "2", "--", "true").code == 0)
        }
    }

    @Test func aJobWithoutItsWorkingDirectoryKeepsItsCode() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "--", "sh", "-c", "cd /; rm -rf \"$SHUNT_JOB_DIR\"; exit 5")
            #expect(ran.code == 5, "\(ran.errorText)")
            #expect(ran.errorText.contains("its outputs could not be collected"))
        }
    }

    @Test func aSuccessWhoseOutputsAreLostIsNone() async throws {
        try await ShuntHome.use { home in
            let ran = try await home.run(
                "run", "-q", "--", "sh", "-c", "cd ..; mv work work2; exit 0")
            #expect(ran.code == 125, "\(ran.errorText)")
            expectRemedy(ran, naming: "its outputs could not be collected")
            let id = try await home.latestJob()
            let view = try await home.inspect(id)
            #expect(view["state"].string == "failed")
            #expect(view["exit_code"].int == 125)
            #expect(view["reason"].string?.contains("could not be collected") == true)
            #expect(try await home.run("wait", id).text == "125\n")
        }
    }

    /// The hint of a damaged journal is obeyed while a job runs.
    @Test func aTaskThatItsAgentForgotIsEndedBeforeItIsCalledLost() async throws {
        try await ShuntHome.use { home in
            let pid = home.base + "/pid"
            let script = "echo $$ >\(pid).new; mv \(pid).new \(pid); exec sleep 600"
            let id = try await home.submit("sh", "-c", script)
            #expect(await eventually { FileManager.default.fileExists(atPath: pid) })
            let number = try #require(
                Int32(try String(contentsOfFile: pid, encoding: .utf8).trimmed))
            #expect(try await home.run("coordinator", "stop").code == 0)
            home.kill9([.agent])
            #expect(await eventually { home.pids(of: [.agent]).isEmpty })
            let journal = home.root + "/agent/journal"
            try FileManager.default.moveItem(atPath: journal, toPath: journal + ".damaged")
            let waited = try await home.run(["wait", id], within: .seconds(40))
            #expect(waited.text == "125\n", "\(waited.text) \(waited.errorText)")
            // Not a moment later: the word `lost` is only said of what is gone.
            #expect(kill(number, 0) != 0)
            #expect(try await home.inspect(id)["state"].string == "lost")
        }
    }

    @Test func aPatternThatIsNoneIsRefusedBeforeAnythingRuns() async throws {
        try await ShuntHome.use { home in
            for pattern in ["a[", "[", "x\\"] {
                let refused = try await home.run("run", "--output", pattern, "--", "true")
                #expect(refused.code == 125, "\(pattern)")
                #expect(refused.errorText.contains("--output"), "\(refused.errorText)")
            }
            #expect(try await home.jobs().isEmpty)
        }
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
