import Foundation
import Testing
import Lab

/// What keys and a closed terminal mean to a job that `run` follows.
@Suite struct TerminalTests {
    /// A job that counts its interrupts in a file and ends at the first, or never.
    private func trap(_ home: ShuntHome, ends: Bool) -> [String] {
        let seen = home.base + "/interrupts"
        let action = ends ? "exit 9" : ":"
        return [
            "sh", "-c",
            "trap 'echo int >>\(seen); \(action)' INT; echo begun; "
                + "while :; do sleep 0.05; done",
        ]
    }

    private func interrupts(_ home: ShuntHome) -> Int {
        // Not written yet is the same as empty.
        let text = (try? String(contentsOfFile: home.base + "/interrupts", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").count
    }

    @Test func interruptGoesToTheJobWhichMayEndByIt() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(["run", "--"] + trap(home, ends: true))
            #expect(await eventually { run.outputSoFar == "begun\n" })
            run.signal(SIGINT)
            let outcome = await run.outcome()
            #expect(outcome.code == 9, "\(outcome.errorText)")
            #expect(interrupts(home) == 1)
        }
    }

    @Test func secondInterruptWithinThreeSecondsCancels() async throws {
        try await ShuntHome.use { home in
            let run = try home.start(["run", "--"] + trap(home, ends: false))
            #expect(await eventually { run.outputSoFar == "begun\n" })
            run.signal(SIGINT)
            #expect(await eventually { interrupts(home) == 1 })
            run.signal(SIGINT)
            let outcome = await run.outcome()
            let view = try await home.inspect(try await home.latestJob())
            #expect(view["state"].string == "cancelled", "\(outcome.errorText)")
            #expect(Int(outcome.code) == view["exit_code"].int)
            #expect(interrupts(home) == 1)
        }
    }

    @Test func hangupLeavesTheJobRunning() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let run = try await job.start(untilLine: 10)
            run.signal(SIGHUP)
            #expect(await run.outcome().code == 129)
            let id = try await home.latestJob()
            let followed = try await home.run("logs", "-f", id)
            #expect(followed.text == job.expectedOutput)
            #expect(try await home.inspect(id)["exit_code"].int == Int(job.code))
            #expect(job.starts.count == 1)
        }
    }

    // MARK: A real terminal

    /// Runs a command on a terminal of its own, types what it is told to when a text has come, and
    /// prints all that came.
    private static let terminal = """
        import os, pty, sys
        text, key, command = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
        pid, master = pty.fork()
        if pid == 0:
            os.execvp(command[0], command)
        seen = b""
        while text not in seen:
            seen += os.read(master, 65536)
        if key == "close":
            os.close(master)
        else:
            os.write(master, bytes.fromhex(key))
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                seen += data
        status = os.waitpid(pid, 0)[1]
        sys.stdout.buffer.write(seen)
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
        """

    private func onTerminal(
        _ home: ShuntHome, _ command: [String], after text: String, key: String
    ) async throws -> Outcome {
        let path = home.base + "/terminal.py"
        try Data(Self.terminal.utf8).write(to: URL(fileURLWithPath: path))
        let words = ["python3", path, text, key, ShuntHome.binary] + command
        let child = try Command(
            words.map { Array($0.utf8) }, directory: home.work,
            environment: home.environment(["TERM": "xterm"]))
        return await child.outcome()
    }

    @Test func controlCOnATerminalInterruptsTheJob() async throws {
        try await ShuntHome.use { home in
            let outcome = try await onTerminal(
                home, ["run", "--"] + trap(home, ends: true), after: "begun\r\n", key: "03")
            #expect(outcome.code == 9, "\(outcome.text)")
            #expect(interrupts(home) == 1)
            // One live line that is taken back before the job speaks: no progress on lines.
            #expect(outcome.text.contains("\u{1B}[") || outcome.text.contains("\r"))
            #expect(!outcome.text.contains("preparing\r\n"), "\(outcome.text)")
        }
    }

    @Test func closedTerminalLeavesJobAndCoordinator() async throws {
        try await ShuntHome.use { home in
            let job = try CountingJob(home)
            let outcome = try await onTerminal(
                home, ["run", "--"] + job.command, after: "line 10\r\n", key: "close")
            #expect(outcome.code != 0)
            #expect(home.pids(of: [.coordinator]).count == 1)
            let id = try await home.latestJob()
            let followed = try await home.run("logs", "-f", id)
            #expect(followed.text == job.expectedOutput)
            #expect(try await home.inspect(id)["exit_code"].int == Int(job.code))
            #expect(job.starts.count == 1)
        }
    }
}
