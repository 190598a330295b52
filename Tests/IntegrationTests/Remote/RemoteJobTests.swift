import Foundation
import Lab
import Testing

/// `--on` is the only thing that changes: what a job on a worker prints, leaves and ends with is
/// what it does here.
@Suite(.serialized, .enabled(if: geteuid() == 0, RemoteLab.reason), .sharedWorker)
struct RemoteJobTests {
    /// Everything below the working directory with its bytes.
    private func contents(_ lab: RemoteLab, _ directory: String) async throws -> String {
        try await lab.home.shell(
            "find . -type f | LC_ALL=C sort | xargs -r sha256sum; find . -printf '%y %m %l %p\\n' "
                + "| LC_ALL=C sort", cwd: directory
        ).text
    }

    /// Runs the same job in two copies of a directory, here and on the worker.
    private func compare(
        _ lab: RemoteLab, _ arguments: [String], prepare: (String) throws -> Void
    ) async throws -> Outcome {
        let here = lab.home.path("here")
        let there = lab.home.path("there")
        for directory in [here, there] {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true)
            try prepare(directory)
        }
        let local = try await lab.home.run(
            ["run", "-q"] + arguments, cwd: here, within: .seconds(180))
        let remote = try await lab.home.run(
            ["run", "-q", "--on", lab.name] + arguments, cwd: there, within: .seconds(180))
        #expect(remote.code == local.code, "\(local.errorText)\(remote.errorText)")
        #expect(remote.output == local.output)
        #expect(remote.errors == local.errors, "\(local.errorText)\(remote.errorText)")
        #expect(try await contents(lab, there) == contents(lab, here))
        #expect(try await lab.home.inspect(lab.home.latestJob())["worker"].string == lab.name)
        return remote
    }

    @Test func bytesCodeAndFilesAreThoseOfARunHere() async throws {
        try await RemoteLab.shared { lab in
            let script = """
                printf 'a\\0b\\377'; printf 'e\\0\\376' >&2
                mkdir new; head -c 300000 /dev/zero >new/zeros; ln -s zeros new/link
                echo more >>kept; chmod 755 kept; : >'a b'; exit 42
                """
            let outcome = try await compare(lab, ["--", "sh", "-c", script]) { directory in
                try Data("kept\n".utf8).write(to: URL(fileURLWithPath: directory + "/kept"))
            }
            #expect(outcome.code == 42)
            #expect(outcome.output == Data([0x61, 0, 0x62, 0xff]))
            let killed = try await lab.run("sh", "-c", "kill -9 $$", options: ["-q"])
            #expect(killed.code == 137)
            let missing = try await lab.run("no-such-command", options: ["-q"])
            #expect(missing.code == 127, "\(missing.errorText)")
        }
    }

    /// An account that may make no control group is told so.
    @Test func limitsThatNobodyEnforcesAreDeclared() async throws {
        try await RemoteLab.shared { lab in
            let limits = ["-q", "--memory", "64MiB", "--cpus", "1"]
            #expect(try await lab.run("true", options: limits).code == 0)
            let job = try await lab.home.latestJob()
            let view = try await lab.home.inspect(job)
            try #require(lab.host.account.isOwn)
            #expect(view["memory_enforced"] == .bool(false))
            #expect(view["cpu_enforced"] == .bool(false))
            let text = try await lab.home.run("inspect", job).text
            #expect(text.contains("64 MiB of memory (not enforced on this worker)"), "\(text)")
        }
    }

    /// What it prints and writes has the job's ID in it.
    @Test func theHelloExampleRunsThereAsHere() async throws {
        try await RemoteLab.shared { lab in
            try FileManager.default.removeItem(atPath: lab.home.work)
            try FileManager.default.copyItem(
                atPath: ShuntHome.packageRoot + "/jobs/hello", toPath: lab.home.work)
            var texts: [String] = []
            for worker in ["local", lab.name] {
                let ran = try await lab.home.run("run", "--on", worker, "-f", "job.yaml")
                #expect(ran.code == 0, "\(ran.errorText)")
                let id = try await lab.home.latestJob()
                #expect(try lab.home.read("greeting.txt").contains("job \(id) on "))
                // Another account may find another Python.
                let words = ran.text.replacing(id, with: "ID").split(separator: ",")
                texts.append(words.first.map(String.init) ?? "")
            }
            #expect(texts[0] == texts[1])
        }
    }

    /// The second run finds content and environment on the worker.
    @Test func theDigitsExampleTrainsThereAndSendsNothingTwice() async throws {
        try await RemoteLab.shared { lab in
            try FileManager.default.removeItem(atPath: lab.home.work)
            try FileManager.default.copyItem(
                atPath: ShuntHome.packageRoot + "/jobs/digits", toPath: lab.home.work)
            let words = ["run", "--on", lab.name, "-f", "job.yaml"]
            let first = try await lab.home.run(words, within: .seconds(300))
            #expect(first.code == 0, "\(first.errorText)")
            let model = try Data(contentsOf: URL(fileURLWithPath: lab.home.path("model.joblib")))
            #expect(model.count > 1_000 && lab.home.exists("metrics.json"))
            #expect(
                try FileManager.default.attributesOfItem(
                    atPath: lab.home.path("model.joblib"))[.ownerAccountID] as? NSNumber == 0)

            let up = lab.host.relay.counts.bytesUp
            let second = try await lab.home.run(words, within: .seconds(60))
            #expect(second.code == 0, "\(second.errorText)")
            #expect(!second.errorText.contains("building"), "\(second.errorText)")
            #expect(lab.host.relay.counts.bytesUp - up < 64 << 10)
            let sent = try await lab.home.inspect(lab.home.latestJob())["bytes_sent"].int
            #expect((sent ?? .max) < 64 << 10)
            let directory = try #require(try await lab.worker()["directory"].string)
            #expect(
                directories(in: directory + "/environments").filter { $0 != "builds" }.count == 1)
        }
    }

    @Test func controlCInterruptsTheJobThere() async throws {
        try await RemoteLab.shared { lab in
            let run = try lab.home.start([
                "run", "--on", lab.name, "--", "sh", "-c",
                "trap 'echo seen; exit 9' INT; echo begun; while :; do sleep 0.05; done",
            ])
            #expect(await eventually { run.outputSoFar == "begun\n" })
            run.signal(SIGINT)
            let outcome = await run.outcome()
            #expect(outcome.code == 9, "\(outcome.errorText)")
            #expect(outcome.text == "begun\nseen\n")
        }
    }

    @Test func cancelLeavesNothingOfAStubbornTree() async throws {
        try await RemoteLab.shared { lab in
            try lab.home.write("escape.py", CancelTests.escaping)
            let mark = lab.host.account.home + "/escaped"
            let id = try await lab.home.submit(
                "python3", "escape.py", mark, options: ["--on", lab.name])
            let isRunning = await eventually { lab.host.pids(running: "escape.py").count >= 2 }
            #expect(isRunning)
            #expect(try await lab.home.run("cancel", "--now", id).code == 0)
            _ = try await lab.home.run("wait", id)
            #expect(lab.host.pids(running: "escape.py").isEmpty)
            let view = try await lab.home.inspect(id)
            #expect(view["state"].string == "cancelled")
            #expect(["cgroup", "sweep"].contains(view["kill_method"].string))
        }
    }

    @Test func anyGoesWhereTheFewestBytesAreMissing() async throws {
        try await RemoteLab.shared { lab in
            let made = try await lab.home.shell("head -c 8000000 /dev/urandom >data")
            #expect(made.code == 0)
            #expect(try await lab.run("true", options: ["-q"]).code == 0)
            // One that has had nothing yet, and is named first; and none is to be had here.
            let empty = lab.host.account.home + "/empty"
            try await lab.add("a-empty", lab.name, "--dir", empty)
            let all = ["--cpus", "\(ProcessInfo.processInfo.activeProcessorCount)"]
            let busy = try await lab.home.submit("sleep", "600", options: ["--on", "local"] + all)
            let up = lab.host.relay.counts.bytesUp
            for _ in 0..<3 {
                let ran = try await lab.home.run("run", "-q", "--on", "any", "--", "true")
                #expect(ran.code == 0, "\(ran.errorText)")
                let view = try await lab.home.inspect(lab.home.latestJob())
                #expect(view["worker"].string == lab.name)
            }
            #expect(lab.host.relay.counts.bytesUp - up < 1 << 20)
            #expect(try await lab.home.run("cancel", "--now", busy).code == 0)
            #expect(try await lab.home.run("worker", "rm", "a-empty", "--purge").code == 0)
        }
    }

    @Test func theDefaultWorkerIsWhereJobsGoThatNameNone() async throws {
        try await RemoteLab.shared { lab in
            func worker(_ options: String...) async throws -> String? {
                let ran = try await lab.home.run(["run", "-q"] + options + ["--", "true"])
                #expect(ran.code == 0, "\(ran.errorText)")
                return try await lab.home.inspect(lab.home.latestJob())["worker"].string
            }
            #expect(try await worker() == "local")
            let set = try await lab.home.run("config", "set", "default_worker", lab.name)
            #expect(set.code == 0, "\(set.errorText)")
            #expect(try await worker() == lab.name)
            #expect(try await worker("--on", "local") == "local")
            let got = try await lab.home.run("config", "get", "default_worker")
            #expect(got.text == lab.name + "\n")
            #expect(try await lab.home.run("config", "unset", "default_worker").code == 0)
            #expect(try await worker() == "local")
            let bad = try await lab.home.run("config", "set", "default_wroker", "any")
            expectRefused(bad, code: 2, naming: ["default_wroker", "default_worker"])
        }
    }

    @Test func submitSaysWhoHasToStayAwake() async throws {
        try await RemoteLab.shared { lab in
            let handed = try await lab.home.run(
                "submit", "--on", lab.name, "--", "sleep", "2")
            let id = handed.text.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(
                handed.errorText.contains("handed to `\(lab.name)`: safe to disconnect"),
                "\(handed.errorText)")
            let waited = try await lab.home.run("wait", "--handed-over", id)
            #expect(waited.code == 0, "\(waited.errorText)")
            #expect(
                (waited.text + waited.errorText).contains(
                    "handed to `\(lab.name)`: safe to disconnect"),
                "\(waited.text)\(waited.errorText)")
            _ = try await lab.home.run("wait", id)

            lab.breakLink()
            #expect(try await eventually { try await lab.worker()["connected"] == .bool(false) })
            let waiting = try await lab.home.run("submit", "--on", lab.name, "--", "true")
            #expect(waiting.code == 0, "\(waiting.errorText)")
            #expect(
                waiting.errorText.contains("waiting here for `\(lab.name)`")
                    && waiting.errorText.contains("this machine must be awake to start it"),
                "\(waiting.errorText)")
            lab.mendLink()
            let other = waiting.text.trimmingCharacters(in: .whitespacesAndNewlines)
            let over = try await lab.home.run(["wait", other], within: .seconds(40))
            #expect(over.text == "0\n", "\(over.errorText)")
        }
    }

    @Test func anUnknownWorkerIsRefused() async throws {
        try await RemoteLab.shared { lab in
            try await lab.home.expectSubmissionRefused(
                ["--on", "nowhere", "--", "true"], code: 3, naming: ["nowhere", lab.name])
        }
    }
}
